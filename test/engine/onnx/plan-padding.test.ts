// What a configuration says about padding, held against a signature.

import { expect, test } from "@jest/globals";
import { ModelError } from "../../../src/engine/backend.ts";
import { planPadding, padWhereProven } from "../../../src/engine/onnx/plan-padding.ts";
import { NO_RESHAPES } from "../../../src/engine/onnx/reshape.ts";
import type { PaddedInput } from "../../../src/engine/padding-options.ts";
import { PADDED_INPUT_DEFAULTS, PADDING_DEFAULTS } from "../../../src/engine/padding-options.ts";
import type { DType } from "../../../src/tensor/dtype.ts";
import type { Dim, TensorSpec } from "../../../src/tensor/signature.ts";

function toDim(dim: number | string): Dim {
  return typeof dim === "number" ? { size: dim, symbol: "" } : { size: -1, symbol: dim };
}

/** Free dimensions by their symbol. */
function spec(name: string, dtype: DType, dims: readonly (number | string)[]): TensorSpec {
  return { name, dtype, dims: dims.map(toDim), description: "", columns: [], labels: [] };
}

const INPUTS = [
  spec("ids", "INT64", ["N", "L"]),
  spec("mask", "UINT8", ["N", "L"]),
  spec("topic", "FP32", ["N", 8]),
  spec("words", "STRING", ["N", "W"]),
  spec("frames", "FP32", ["N", 3, "T"]),
];

function plan(inputs: Readonly<Record<string, Partial<PaddedInput>>>, specs: readonly TensorSpec[] = INPUTS, reshapes = NO_RESHAPES) {
  const padded = new Map(Object.entries(inputs).map(([name, given]) => [name, { ...PADDED_INPUT_DEFAULTS, ...given }]));
  return planPadding({ ...PADDING_DEFAULTS, inputs: padded }, { inputs: specs, outputs: [] }, reshapes);
}

test("by input, with the element that fills up", () => {
  const { inputs, lengthInput, buckets, maxBatchTokens } = plan({ mask: { mask: true }, ids: { value: 1 } });
  expect(inputs.slice(0, 3)).toEqual([
    { dimension: 1, element: Uint8Array.from([1, 0, 0, 0, 0, 0, 0, 0]), isMask: false },
    { dimension: 1, element: Uint8Array.from([0]), isMask: true },
    undefined,
  ]);
  expect([lengthInput, buckets[0], buckets.at(-1), maxBatchTokens]).toEqual([0, 16, 512, 16_384]);
});

test("the length is that of the first input that is not a mask", () => {
  const [ids, mask] = INPUTS;
  expect(plan({ mask: { mask: true }, ids: {} }, [mask!, ids!]).lengthInput).toBe(1);
});

test.each([
  ["an unknown name", { id: {} }, 'padding.inputs names "id"; the model has "ids", "mask", "topic", "words", "frames".'],
  [
    "a fixed dimension",
    { topic: {} },
    'padding.inputs["topic"].dimension: must be a free dimension; 1 is not, the input is fixed at 8 there.',
  ],
  [
    "a dimension that the input does not have",
    { topic: { dimension: 2 } },
    'padding.inputs["topic"].dimension: must be a free dimension; 2 is not, the input has 2 dimensions, the rows being dimension 0.',
  ],
  ["texts", { words: {} }, 'padding.inputs["words"]: inputs of type STRING cannot be padded.'],
  ["a value that the type does not have", { ids: { value: 0.5 }, mask: {} }, 'padding.inputs["ids"].value: 0.5 is no INT64.'],
  [
    "a mask of three dimensions",
    { frames: { dimension: 2, mask: true } },
    'padding.inputs["frames"].mask: a mask has two dimensions, rows and length.',
  ],
  [
    "an input that shares the length and is left out",
    { ids: {} },
    'padding.inputs: "mask" has the length "L" in dimension 1 too: add it to padding.inputs.',
  ],
])("%s is told by its key", (_, inputs, message) => {
  expect(() => plan(inputs)).toThrow(new ModelError(message));
});

test("an input that is reshaped is not padded", () => {
  const reshapes = { hasRows: true, inputs: [[-1, 1]], outputs: [] };
  expect(() => plan({ ids: {} }, [INPUTS[0]!], reshapes)).toThrow('padding.inputs["ids"]: an input that is reshaped cannot be padded.');
});

test("without a proof nothing is padded, and why is told", () => {
  const asked = plan({ ids: {}, mask: {} });
  expect(padWhereProven(asked, { whyNot: "it rains" })).toEqual({ plan: undefined, queue: undefined, whyNot: "it rains", note: "" });
  expect(padWhereProven(undefined, undefined)).toEqual({ plan: undefined, queue: undefined, whyNot: undefined, note: "" });
  expect(padWhereProven(asked, { outputDims: [[1]] }).queue).toEqual({ maxBatchTokens: 16_384, outputDims: [[1]] });
});
