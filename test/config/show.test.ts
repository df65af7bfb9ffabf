// Messages show foreign text shortly and safely, and suggest the name that was meant.

import { describe, expect, test } from "@jest/globals";
import { nearestName } from "../../src/config/nearest-name.ts";
import { quote, show, showPath } from "../../src/config/show.ts";

test.each([
  ["a b", '"a b"'],
  ['a"\\', '"a\\"\\\\"'],
  ["a\u001b[31m\nb", '"a\\u001b[31m\\nb"'],
  ["é\u202e", '"\\u00e9\\u202e"'],
  ["\u007f", '"\\u007f"'],
  ["x".repeat(61), `"${"x".repeat(60)}…"`],
])("quote %j", (text, shown) => {
  expect(quote(text)).toBe(shown);
});

test.each([
  [null, "nothing"],
  [undefined, "nothing"],
  [1.5, "1.5"],
  [true, "true"],
  [[1], "a list"],
  [new Map(), "a mapping"],
  ["t", '"t"'],
])("show %p", (value, shown) => {
  expect(show(value)).toBe(shown);
});

test.each([
  [[], ""],
  [["inputs", 1, "name"], "inputs[1].name"],
  [["a b", "c"], '"a b".c'],
])("path %j", (path, shown) => {
  expect(showPath(path)).toBe(shown);
});

describe("nearestName", () => {
  const known = ["grpcPort", "host", "maxBatchSize"];
  test.each([
    ["grpcProt", "grpcPort"],
    ["GRPCPORT", "grpcPort"],
    ["grpc-port", "grpcPort"],
    ["hsot", "host"],
    ["maxBatch", "maxBatchSize"],
    ["ma", undefined],
    ["banana", undefined],
    ["", undefined],
    ["x".repeat(100_000), undefined],
  ])("%.20s", (given, expected) => {
    expect(nearestName(given, known)).toBe(expected);
  });
});
