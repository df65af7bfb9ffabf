// JSON becomes the tensors that a signature asks for, or an error that says what is allowed.

import { describe, expect, test } from "@jest/globals";
import { tensorsFromJson } from "../../src/cli/input/json-input.ts";
import { UsageError } from "../../src/cli/usage-error.ts";
import { values } from "../../src/client/tensors.ts";
import { spec } from "./support/specs.ts";

const features = spec("features", "FP32", [-1, 2], { columns: ["amount", "hour"] });
const text = spec("text", "STRING", [-1]);
const ids = spec("ids", "INT64", [-1]);
const matrix = spec("m", "INT32", [-1, 2]);
const mask = spec("mask", "INT64", [-1, -1], { optional: true });
const flag = spec("flag", "BOOL", [-1]);

describe("accepted", () => {
  test.each([
    [
      "an object of inputs",
      '{"m":[[1,2],[3,4]],"flag":[true,false]}',
      [matrix, flag],
      [[2, 2], [2]],
      [new Int32Array([1, 2, 3, 4]), new Uint8Array([1, 0])],
    ],
    ["one row without the array around it", '{"m":[1,2]}', [matrix], [[1, 2]], [new Int32Array([1, 2])]],
    ["a single value", '{"text":"hello"}', [text], [[1]], [["hello"]]],
    ["the only input without its name", "[[1,2]]", [matrix], [[1, 2]], [new Int32Array([1, 2])]],
    ["an object of columns in any order", '{"hour":3,"amount":1.5}', [features], [[1, 2]], [new Float32Array([1.5, 3])]],
    ["an array of such objects", '[{"hour":3,"amount":1},{"amount":2,"hour":4}]', [features], [[2, 2]], [new Float32Array([1, 3, 2, 4])]],
    ["columns by the input's name", '{"features":[[1,2]]}', [features], [[1, 2]], [new Float32Array([1, 2])]],
    [
      "64-bit integers as numbers and as strings",
      '{"ids":[9007199254740993,"-9223372036854775808"]}',
      [ids],
      [[2]],
      [new BigInt64Array([9007199254740993n, -(2n ** 63n)])],
    ],
    ["NaN and Infinity as strings", '{"features":[["NaN","-Infinity"]]}', [features], [[1, 2]], [new Float32Array([NaN, -Infinity])]],
  ])("%s", (_, json, inputs, shapes, expected) => {
    const tensors = tensorsFromJson(json, inputs);
    expect(tensors.map(({ name, dtype }) => [name, dtype])).toEqual(inputs.map(({ name, dtype }) => [name, dtype]));
    expect(tensors.map(({ shape }) => shape)).toEqual(shapes);
    expect(tensors.map((tensor) => values(tensor))).toEqual(expected);
  });
});

function named(json: string): readonly (readonly [string, readonly number[]])[] {
  return tensorsFromJson(json, [mask, matrix]).map(({ name, shape }) => [name, shape]);
}

test("inputs that may be left out are taken where they are given", () => {
  expect(named('{"m":[[1,2]]}')).toEqual([["m", [1, 2]]]);
  expect(named("[[1,2]]")).toEqual([["m", [1, 2]]]);
  expect(named('{"m":[[1,2]],"mask":[[1]]}')).toEqual([
    ["mask", [1, 1]],
    ["m", [1, 2]],
  ]);
  expect(() => named('{"mask":[[1]]}')).toThrow(/input "m" is missing/);
});

describe("refused, saying what is allowed", () => {
  test.each([
    ["what is not JSON", "{", [matrix], /^--json is not JSON/],
    ["an unknown input", '{"n":[1,2]}', [matrix], /no input "n"; did you mean "m"\?/],
    ["a missing input", '{"m":[[1,2]]}', [matrix, flag], /input "flag" is missing/],
    ["an unknown column", '{"amuont":1,"hour":2}', [features], /no column "amuont"; did you mean "amount"\?/],
    ["a missing column in a later row", '[{"amount":1,"hour":2},{"amount":1}]', [features], /row 2: column "hour" is missing/],
    ["a wrong rank", '{"m":[[[1]]]}', [matrix], /takes \[N, 2\], that is arrays nested 2 deep, not 3/],
    ["ragged rows", '{"m":[[1,2],[3]]}', [matrix], /equal lengths; \[2, 2\] was expected/],
    ["a number for a text", '{"text":[1]}', [text], /1 is not a value of type STRING/],
    ["null", '{"ids":[null]}', [ids], /null is not a value of type INT64/],
    ["a fraction for an integer of 64 bits", '{"ids":[1.5]}', [ids], /"1.5" is not a value of type INT64/],
    ["a list for two inputs", "[1]", [matrix, flag], /must be an object with the inputs "m", "flag"/],
  ])("%s", (_, json, inputs, message) => {
    expect(() => tensorsFromJson(json, inputs)).toThrow(UsageError);
    expect(() => tensorsFromJson(json, inputs)).toThrow(message);
  });

  test("an integer out of range is named by the tensor itself", () => {
    expect(() => tensorsFromJson('{"m":[[1,2147483648]]}', [matrix])).toThrow(/element 1, the number 2147483648, is not an integer from/);
  });
});
