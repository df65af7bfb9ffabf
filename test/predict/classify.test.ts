// Classes of an output: the highest values with their indexes and labels.

import { describe, expect, test } from "@jest/globals";
import { array, assert, integer, property } from "fast-check";
import { classifyOutputs } from "../../src/predict/classify.ts";
import type { PredictRequest } from "../../src/predict/request.ts";
import type { DType } from "../../src/tensor/dtype.ts";
import { VIEW_OF_DTYPE } from "../../src/tensor/typed-views.ts";
import { decodeStrings } from "../../src/engine/onnx/strings.ts";

function classesOf(
  dtype: Exclude<DType, "STRING">,
  values: readonly (number | bigint)[],
  shape: readonly number[],
  count: number,
  { labels = [], hasRows = true }: { readonly labels?: readonly string[]; readonly hasRows?: boolean } = {},
) {
  const View = VIEW_OF_DTYPE[dtype] as unknown as { from(list: readonly unknown[]): ArrayBufferView };
  const bytes = new Uint8Array(View.from(values).buffer as ArrayBuffer);
  const output = { name: "y", dtype, shape, bytes, problem: undefined };
  const spec = { name: "y", dtype, dims: [], description: "", columns: [], labels };
  const request = { classCounts: [count] } as unknown as PredictRequest;
  const [classes] = classifyOutputs([output], request, { inputs: [], outputs: [spec] }, hasRows);
  let elements = 1;
  for (const dim of classes!.shape) elements *= dim;
  return { dtype: classes!.dtype, shape: classes!.shape, texts: decodeStrings(classes!.bytes, elements) };
}

test("each row gives its own highest values, the highest first", () => {
  expect(classesOf("FP32", [0.25, 0.5, 0.125, 3, -1, 2], [2, 3], 2)).toEqual({
    dtype: "STRING",
    shape: [2, 2],
    texts: ["0.500000:1", "0.250000:0", "3.000000:0", "2.000000:2"],
  });
});

test("labels follow where there are any", () => {
  expect(classesOf("FP32", [1, 2, 3], [1, 3], 3, { labels: ["cat", "dog"] }).texts).toEqual([
    "3.000000:2",
    "2.000000:1:dog",
    "1.000000:0:cat",
  ]);
});

test("without rows the whole output is one", () => {
  expect(classesOf("INT32", [1, 5, 3, 4], [2, 2], 3, { hasRows: false })).toEqual({
    dtype: "STRING",
    shape: [3],
    texts: ["5:1", "4:3", "3:2"],
  });
});

test("more classes than elements give all elements", () => {
  expect(classesOf("UINT8", [1, 2], [1, 2], 1000).shape).toEqual([1, 2]);
});

test.each([
  [[0, 3], 2, [0, 2]],
  [[2, 0], 2, [2, 0]],
  [[0], 1, [0, 1]],
])("an output of shape %j has no classes to give", (shape, count, expected) => {
  expect(classesOf("FP32", [], shape, count)).toEqual({ dtype: "STRING", shape: expected, texts: [] });
});

test("an output that has no rows although the model does is one by itself", () => {
  expect(classesOf("FP32", [2], [], 5)).toEqual({ dtype: "STRING", shape: [1], texts: ["2.000000:0"] });
});

test("the highest of millions is found without putting the others in order", () => {
  const values = Array.from({ length: 4_000_000 }, (_, i) => (i * 2_654_435_761) % 4_000_037);
  const started = performance.now();
  const { texts } = classesOf("INT32", values, [1, values.length], 1);
  // Ordering all of them took four seconds, in which nobody else was answered.
  expect(performance.now() - started).toBeLessThan(2000);
  expect(texts).toEqual([`4000036:${values.indexOf(4_000_036)}`]);
});

test("more classes than a moment can make are refused, however they are spread over rows", () => {
  const refused = expect.objectContaining({ reason: "INPUT_TOO_LARGE", code: "RESOURCE_EXHAUSTED" });
  const values = Array.from<number>({ length: 270_000 }).fill(0);
  expect(() => classesOf("UINT8", values, [1, 270_000], 2 ** 53)).toThrow(refused);
  expect(() => classesOf("UINT8", values, [270_000, 1], 1)).toThrow(refused);
  expect(classesOf("UINT8", values, [1, 270_000], 3).texts).toEqual(["0:0", "0:1", "0:2"]);
});

describe("values", () => {
  test.each<[Exclude<DType, "STRING">, readonly (number | bigint)[], readonly string[]]>([
    ["INT64", [-(2n ** 63n), 2n ** 63n - 1n], ["9223372036854775807:1", "-9223372036854775808:0"]],
    ["UINT64", [2n ** 64n - 1n, 2n ** 53n + 1n], ["18446744073709551615:0", "9007199254740993:1"]],
    ["FP32", [NaN, -Infinity, Infinity, 0], ["inf:2", "0.000000:3", "-inf:1", "nan:0"]],
    ["FP64", [1e300, 1e21], [`${BigInt(1e300)}.000000:0`, "1000000000000000000000.000000:1"]],
    ["FP32", [1, 1, 1], ["1.000000:0", "1.000000:1", "1.000000:2"]],
  ])("%s %j", (dtype, values, texts) => {
    expect(classesOf(dtype, values, [1, values.length], values.length).texts).toEqual(texts);
  });

  test.each(["BOOL", "FP16", "BF16"] as const)("%s has no classes", (dtype) => {
    expect(() => classesOf(dtype, [1, 2], [1, 2], 1)).toThrow(
      expect.objectContaining({ reason: "OUTPUT_NOT_CLASSIFIABLE", code: "INVALID_ARGUMENT" }),
    );
  });
});

test("an output of which no classes are asked stays as it is", () => {
  const output = { name: "y", dtype: "FP32", shape: [1, 1], bytes: new Uint8Array(4), problem: undefined } as const;
  const request = { classCounts: [0] } as unknown as PredictRequest;
  expect(classifyOutputs([output], request, { inputs: [], outputs: [] }, true)[0]).toBe(output);
});

test("every row is sorted and none borrows from its neighbour", () => {
  assert(
    property(
      array(array(integer({ min: -1000, max: 1000 }), { minLength: 4, maxLength: 4 }), { minLength: 1, maxLength: 5 }),
      integer({ min: 1, max: 4 }),
      (rows, count) => {
        const { texts } = classesOf("INT32", rows.flat(), [rows.length, 4], count);
        rows.forEach((row, r) => {
          const got = texts.slice(r * count, (r + 1) * count).map((text) => Number(text.split(":")[0]));
          expect(got).toEqual(row.toSorted((a, b) => b - a).slice(0, count));
          for (const text of texts.slice(r * count, (r + 1) * count)) {
            const [value, index] = text.split(":").map(Number);
            expect(row[index!]).toBe(value);
          }
        });
      },
    ),
  );
});
