import { describe, expect, test } from "@jest/globals";
import { ERRORS } from "../../src/errors.ts";
import { renderReadme } from "./readme-tables.ts";
import { filesBelow, read } from "./source-files.ts";

describe("README", () => {
  test("its tables are what the code says (npm run generate:readme)", () => {
    expect(renderReadme(read("README.md"))).toBe(read("README.md"));
  });

  test("a table that the code does not say is seen", () => {
    expect(renderReadme(read("README.md").replace("MODEL_NOT_FOUND", "MODEL_LOST"))).toBe(read("README.md"));
  });
});

describe("every reason of the catalogue", () => {
  const thrown = filesBelow("src", ".ts")
    .filter((path) => path !== "src/errors.ts")
    .map(read)
    .join("\n");
  const tested = filesBelow("test", ".ts").map(read).join("\n");

  test.each(Object.keys(ERRORS))("%s is given somewhere and tested somewhere", (reason) => {
    expect({ given: thrown.includes(`"${reason}"`), tested: tested.includes(reason) }).toEqual({ given: true, tested: true });
  });

  test("and no other reason is given", () => {
    const given = [...thrown.matchAll(/new ServiceError\(\s*"([A-Z_]+)"/g)].map(([, reason]) => reason!);
    expect(given.length).toBeGreaterThan(20);
    expect(given.filter((reason) => !(reason in ERRORS))).toEqual([]);
  });
});
