// A model file's signature held against what a configuration declares.

import { describe, expect, test } from "@jest/globals";
import type { DeclaredSpec } from "../../../src/engine/backend.ts";
import { declaredSignature } from "../../../src/engine/onnx/declared-signature.ts";
import { reshape } from "../../../src/engine/onnx/reshape.ts";
import type { TensorSpec } from "../../../src/tensor/signature.ts";

function spec(name: string, dims: readonly number[], dtype: TensorSpec["dtype"] = "FP32"): TensorSpec {
  const shape = dims.map((size, i) => ({ size, symbol: size === -1 ? `d${i}` : "" }));
  return { name, dtype, dims: shape, description: "", columns: [], labels: [] };
}

function declared(name: string, dims: readonly number[], more: Partial<DeclaredSpec> = {}): DeclaredSpec {
  return { name, dtype: "FP32", dims, reshape: undefined, ...more };
}

const inferred = {
  signature: { inputs: [spec("a", [-1, 4]), spec("b", [-1, -1])], outputs: [spec("x", [-1, 2]), spec("y", [-1])] },
  runtimeOutputs: [0, 3],
  warnings: [],
};

const sizes = (specs: readonly TensorSpec[]) => specs.map(({ name, dims }) => [name, ...dims.map(({ size }) => size)]);

test("without a declaration the file decides", () => {
  const { signature, reshapes } = declaredSignature(inferred, { declaredInputs: undefined, declaredOutputs: undefined }, true);
  expect(signature).toEqual(inferred.signature);
  expect(reshape([3, 4], reshapes.inputs[0], true)).toEqual([3, 4]);
});

test("a declaration narrows free lengths, leaves out outputs and keeps the file's order", () => {
  const options = { declaredInputs: [declared("b", [7]), declared("a", [-1])], declaredOutputs: [declared("y", [])] };
  const { signature, runtimeOutputs } = declaredSignature(inferred, options, true);
  expect(sizes(signature.inputs)).toEqual([
    ["a", -1, 4],
    ["b", -1, 7],
  ]);
  expect([sizes(signature.outputs), runtimeOutputs]).toEqual([[["y", -1]], [3]]);
});

test("without rows the first dimension is declared as well", () => {
  const options = { declaredInputs: [declared("a", [3, 4]), declared("b", [-1, -1])], declaredOutputs: undefined };
  expect(sizes(declaredSignature(inferred, options, false).signature.inputs)[0]).toEqual(["a", 3, 4]);
});

test("a reshape shows callers other shapes than the file has", () => {
  const options = {
    declaredInputs: [declared("a", [2, 2], { reshape: [4] }), declared("b", [-1])],
    declaredOutputs: [declared("x", [2]), declared("y", [1], { reshape: [] })],
  };
  const { signature, reshapes } = declaredSignature(inferred, options, true);
  expect(sizes(signature.inputs)[0]).toEqual(["a", -1, 2, 2]);
  expect(sizes(signature.outputs)[1]).toEqual(["y", -1, 1]);
  expect(reshape([5, 2, 2], reshapes.inputs[0], reshapes.hasRows)).toEqual([5, 4]);
  expect(reshape([5, 9], reshapes.inputs[1], reshapes.hasRows)).toEqual([5, 9]);
  expect(reshape([5], reshapes.outputs[1], reshapes.hasRows)).toEqual([5, 1]);
});

test("a scalar is declared as one element", () => {
  const scalar = { ...inferred, signature: { inputs: [spec("a", [])], outputs: [spec("x", [])] }, runtimeOutputs: [0] };
  const options = { declaredInputs: [declared("a", [1])], declaredOutputs: undefined };
  const { signature, reshapes } = declaredSignature(scalar, options, false);
  expect(sizes(signature.inputs)).toEqual([["a", 1]]);
  expect(reshape([1], reshapes.inputs[0], reshapes.hasRows)).toEqual([]);
});

test("one free length of a reshape follows from the elements", () => {
  expect(reshape([2, 6], [-1, 3], true)).toEqual([2, 2, 3]);
  expect(reshape([6], [2, -1], false)).toEqual([2, 3]);
});

describe("what does not fit is refused by name", () => {
  test.each<[string, readonly DeclaredSpec[] | undefined, readonly DeclaredSpec[] | undefined, string]>([
    [
      "an unknown input",
      [declared("a", [4]), declared("b", [-1]), declared("c", [1])],
      undefined,
      'declares input "c"; the model has "a", "b"',
    ],
    ["a missing input", [declared("a", [4])], undefined, 'an input "b", which the configuration does not declare'],
    ["an unknown output", undefined, [declared("z", [1])], 'declares output "z"; the model has "x", "y"'],
    [
      "another type",
      [declared("a", [4], { dtype: "INT32" }), declared("b", [-1])],
      undefined,
      'input "a" as INT32; in the model it is FP32',
    ],
    [
      "another length",
      [declared("a", [5]), declared("b", [-1])],
      undefined,
      'input "a" with shape [5] beside the rows; in the model it is [4]',
    ],
    [
      "another rank",
      [declared("a", [4, 1]), declared("b", [-1])],
      undefined,
      'input "a" with shape [4, 1] beside the rows; in the model it is [4]',
    ],
    [
      "a reshape with two free lengths",
      [declared("a", [4]), declared("b", [-1, -1], { reshape: [-1] })],
      undefined,
      'input "b" with a reshape in which more than one length is free',
    ],
  ])("%s", (_, declaredInputs, declaredOutputs, text) => {
    expect(() => declaredSignature(inferred, { declaredInputs, declaredOutputs }, true)).toThrow(text);
  });
});
