// A growing JSON file is whole after each step, a full disk included.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createJsonArrayFile } from "../../src/telemetry/json-array-file.ts";

let dir = "";
beforeAll(() => void (dir = mkdtempSync(join(tmpdir(), "predictd-json-"))));
afterAll(() => rmSync(dir, { recursive: true }));

const contents = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));

test("the file is a whole array after each append, and tells its size", async () => {
  const path = join(dir, "grows.json");
  const file = await createJsonArrayFile(path);
  let bytes = await file.append(['{"a":1}']);
  expect(contents(path)).toEqual([{ a: 1 }]);
  bytes += await file.append(['"é"', "[2]"]);
  expect(contents(path)).toEqual([{ a: 1 }, "é", [2]]);
  await file.append(["3"]);
  await file.close();
  expect(contents(path)).toEqual([{ a: 1 }, "é", [2], 3]);
  // Each append overwrites the bytes that closed the array.
  expect(bytes).toBeGreaterThanOrEqual('[{"a":1},"é",[2]]'.length);
});

test("a file from earlier is replaced", async () => {
  const path = join(dir, "old.json");
  writeFileSync(path, "x".repeat(1000));
  const file = await createJsonArrayFile(path);
  await file.append(["1"]);
  await file.close();
  expect(contents(path)).toEqual([1]);
});

test("a path that cannot be created rejects", async () => {
  await expect(createJsonArrayFile(join(dir, "missing", "x.json"))).rejects.toMatchObject({ code: "ENOENT" });
});

test.each([
  ["what was there before", "x", ["x"]],
  ["an empty array", undefined, []],
])("when the disk is full in the middle of an append, %s is left", (_, first, left) => {
  const path = join(dir, `full-${String(first)}.json`);
  const module = fileURLToPath(new URL("../../src/telemetry/json-array-file.ts", import.meta.url));
  const script = `const { createJsonArrayFile } = await import(${JSON.stringify(module)});
    const file = await createJsonArrayFile(${JSON.stringify(path)});
    if (${String(first !== undefined)}) await file.append(['"x"']);
    const refused = await file.append([JSON.stringify("y".repeat(100_000))]).catch((error) => error.code);
    await file.close();
    console.log(refused);`;
  // A limit of the shell on the size of files stands in for the disk's.
  const child = spawnSync("bash", ["-c", 'ulimit -f 8; exec "$0" --input-type=module -e "$1"', process.execPath, script], {
    encoding: "utf8",
    timeout: 30_000,
  });
  expect([child.stdout, child.stderr]).toEqual(["EFBIG\n", ""]);
  expect(contents(path)).toEqual(left);
});
