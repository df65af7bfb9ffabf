// Requests of a model whose inputs may be padded: their lengths, and masks that they leave out.

import { expect, test } from "@jest/globals";
import { createValidate } from "../../src/predict/validate.ts";
import type { PredictRequest } from "../../src/predict/request.ts";
import type { DType } from "../../src/tensor/dtype.ts";
import type { TensorSpec } from "../../src/tensor/signature.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

function spec(name: string, dtype: DType): TensorSpec {
  return { name, dtype, dims: [-1, -1].map((size) => ({ size, symbol: "" })), description: "", columns: [], labels: [] };
}

const ZERO = new Uint8Array(1);
const validate = createValidate(
  { inputs: [spec("mask", "INT32"), spec("ids", "UINT8"), spec("free", "UINT8")], outputs: [] },
  {
    batched: true,
    maxRows: Infinity,
    textOnly: true,
    padding: {
      inputs: [{ dimension: 1, element: new Uint8Array(4), isMask: true }, { dimension: 1, element: ZERO, isMask: false }, undefined],
      lengthInput: 1,
      buckets: [4, 8],
      maxBatchTokens: 100,
    },
  },
  { maxRequestRows: 10, maxStringElements: 10 },
);

function tensor(
  name: string,
  shape: readonly number[],
  bytes = new Uint8Array(shape.reduce((product, size) => product * size, 1)),
): Tensor {
  return { name, dtype: "UINT8", shape, bytes, problem: undefined };
}

function check(...inputs: readonly Tensor[]) {
  const request: PredictRequest = {
    model: "m",
    version: "",
    requestId: "",
    inputs,
    outputs: [],
    classCounts: [],
    priority: 0,
    queueTimeoutMs: 0,
    problem: undefined,
  };
  return validate(request);
}

test("requests share runs when their lengths fall into one bucket and everything else is equal", () => {
  const keyOf = (length: number, width: number): string => check(tensor("ids", [1, length]), tensor("free", [1, width])).shapeKey;
  expect(keyOf(5, 2)).toBe(keyOf(8, 2));
  expect(keyOf(5, 2)).not.toBe(keyOf(4, 2));
  expect(keyOf(5, 2)).not.toBe(keyOf(5, 3));
  expect(check(tensor("ids", [2, 5]), tensor("free", [2, 1])).padding).toEqual({ length: 5, paddedLength: 8 });
});

test("a mask that is left out is 1 at every position, in the type that the model takes", () => {
  const { inputs } = check(tensor("free", [2, 1]), tensor("ids", [2, 3]));
  expect(inputs.map(({ name }) => name)).toEqual(["mask", "ids", "free"]);
  expect(inputs[0]!.shape).toEqual([2, 3]);
  expect([...new Int32Array(inputs[0]!.bytes.buffer)]).toEqual([1, 1, 1, 1, 1, 1]);
});

test("a mask that is given stays as it is", () => {
  const mask = { ...tensor("mask", [1, 2]), dtype: "INT32", bytes: new Uint8Array(Int32Array.from([0, 1]).buffer) } as const;
  expect(check(tensor("ids", [1, 2]), mask, tensor("free", [1, 1])).inputs[0]).toBe(mask);
});

test.each([
  [
    "longer than the longest",
    [tensor("ids", [1, 9])],
    'Input "ids" has length 9 in dimension 1; at most 8 are allowed (padding.maxLength of the model).',
  ],
  [
    "without any position",
    [tensor("ids", [1, 0]), { ...tensor("mask", [1, 0]), dtype: "INT32" as const }],
    'Input "ids" has length 0 in dimension 1; an input that is padded has at least 1.',
  ],
  [
    "without any position and without its mask",
    [tensor("ids", [1, 0])],
    'Input "ids" has length 0 in dimension 1; an input that is padded has at least 1.',
  ],
  [
    "of two lengths",
    [tensor("ids", [1, 4]), { ...tensor("mask", [1, 3]), dtype: "INT32" as const, bytes: new Uint8Array(12) }],
    'Input "mask" has length 3, but "ids" has 4.',
  ],
  // A mask as large as this claims would take terabytes.
  ["with a shape that its bytes do not fill", [tensor("ids", [1, 1e12], new Uint8Array(3))], 'Input "mask" is missing.'],
  ["without rows", [tensor("ids", [0, 1e12], new Uint8Array(0))], 'Input "mask" is missing.'],
  ["without the input that tells the length", [tensor("free", [1, 1])], 'Input "mask" is missing.'],
])("a request %s is refused", (_, inputs, message) => {
  expect(() => check(...inputs, ...(inputs[0]!.name === "free" ? [] : [tensor("free", [1, 1])]))).toThrow(
    expect.objectContaining({ message, code: "INVALID_ARGUMENT" }),
  );
});
