// Rows of a table become tensors by their header.

import { describe, expect, test } from "@jest/globals";
import { mapCsv } from "../../src/cli/input/csv-input.ts";
import { csvLine } from "../../src/cli/output/csv-output.ts";
import { values } from "../../src/client/tensors.ts";
import { spec } from "./support/specs.ts";

const features = spec("features", "FP32", [-1, 2], { columns: ["amount", "hour"] });

describe("mapping", () => {
  test("columns of the only input are found by name, others are left out", () => {
    const mapping = mapCsv(["label", "hour", "amount"], [features]);
    expect(mapping.ignored).toEqual(["label"]);
    const [made] = mapping.toTensors(
      [
        ["x", "3", " 1.5 "],
        ["y", "4", "2e3"],
      ],
      1,
    );
    expect(made).toMatchObject({ name: "features", shape: [2, 2] });
    expect(values(made!)).toEqual(new Float32Array([1.5, 3, 2000, 4]));
  });

  test("a model without columns takes one value a row for each input", () => {
    const inputs = [spec("id", "INT64", [-1]), spec("ok", "BOOL", [-1, 1]), spec("text", "STRING", [-1])];
    const made = mapCsv(["text", "ok", "id"], inputs).toTensors(
      [
        ["a,b", "TRUE", "9007199254740993"],
        ["", "0", "-1"],
      ],
      1,
    );
    expect(made.map(({ shape }) => shape)).toEqual([[2], [2, 1], [2]]);
    expect(made.map((tensor) => values(tensor))).toEqual([
      new BigInt64Array([9007199254740993n, -1n]),
      new Uint8Array([1, 0]),
      ["a,b", ""],
    ]);
  });

  test("an input that may be left out needs no column", () => {
    const inputs = [spec("ids", "INT64", [-1, -1]), spec("mask", "INT64", [-1, -1], { optional: true })];
    const named = (header: readonly string[], row: readonly string[]): readonly string[] =>
      mapCsv(header, inputs)
        .toTensors([row], 1)
        .map(({ name }) => name);
    expect(named(["ids"], ["7"])).toEqual(["ids"]);
    expect(named(["mask", "ids"], ["1", "7"])).toEqual(["ids", "mask"]);
    expect(() => mapCsv(["mask"], inputs)).toThrow(/column "ids" is missing/);
  });

  test.each([
    ["a missing column", () => mapCsv(["amount", "hours"], [features]), /column "hour" is missing; is it "hours"\?/],
    ["a column that stands twice", () => mapCsv(["amount", "hour", "hour"], [features]), /stands twice/],
    ["a model of images", () => mapCsv(["image"], [spec("image", "FP32", [-1, 1, 8, 8])]), /more than one value a row/],
    [
      "a cell that is no number",
      () =>
        mapCsv(["amount", "hour"], [features]).toTensors(
          [
            ["1", "2"],
            ["1", "two"],
          ],
          5,
        ),
      /row 6, column "hour": "two" is not a value of type FP32/,
    ],
    ["an empty cell", () => mapCsv(["amount", "hour"], [features]).toTensors([["", "2"]], 1), /row 1, column "amount": "" is not/],
  ])("%s is refused", (_, act, message) => {
    expect(act).toThrow(message);
  });
});

test("cells with commas, quotes and line breaks are quoted", () => {
  expect(csvLine(["1", "a,b", 'say "x"', "two\nlines", "plain"])).toBe('1,"a,b","say ""x""","two\nlines",plain\n');
});
