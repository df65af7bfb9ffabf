// Small ONNX models over tokens, whose rows may have any length.

import { buildModel } from "./onnx/build-model.ts";
import { floats, int64s } from "./onnx/tensors.ts";
import type { OnnxNode } from "./onnx/types.ts";

/** Tokens that the models know, and numbers of each token's vector. */
export const VOCABULARY = 50;
const WIDTH = 4;

/** Of token t: no two alike, none zero. */
const VECTORS = Array.from({ length: VOCABULARY * WIDTH }, (_, i) => Math.sin(1 + i * 0.7));

/** The value of each position, over which the models sum. */
const EMBED: readonly OnnxNode[] = [
  { op: "Gather", inputs: ["vectors", "input_ids"], outputs: ["tokens"] },
  { op: "Cast", inputs: ["attention_mask"], outputs: ["real"], attributes: { to: { i: 1 } } },
  { op: "Unsqueeze", inputs: ["real", "two"], outputs: ["column"] },
  { op: "Unsqueeze", inputs: ["real", "one"], outputs: ["line"] },
];

const INITIALIZERS = [floats("vectors", [VOCABULARY, WIDTH], VECTORS), int64s("one", [1], [1]), int64s("two", [1], [2])];

const INPUTS = ["input_ids", "attention_mask"].map((name) => ({ name, type: "int64", dims: ["batch", "sequence"] }) as const);

/**
 * As a transformer has them: `pooled` [N, 4] is the mean over the real positions, `tokens` [N, L, 4] one vector a position, `pairs` [N, L, L]
 * one number for each two positions.
 */
export function textEncoder(): Uint8Array {
  return buildModel({
    inputs: INPUTS,
    outputs: [
      { name: "pooled", type: "float", dims: ["batch", WIDTH] },
      { name: "tokens", type: "float", dims: ["batch", "sequence", WIDTH] },
      { name: "pairs", type: "float", dims: ["batch", "sequence", "sequence"] },
    ],
    nodes: [
      ...EMBED,
      { op: "Mul", inputs: ["tokens", "column"], outputs: ["masked"] },
      { op: "ReduceSum", inputs: ["masked", "one"], outputs: ["sum"], attributes: { keepdims: { i: 0 } } },
      { op: "ReduceSum", inputs: ["real", "one"], outputs: ["count"], attributes: { keepdims: { i: 1 } } },
      { op: "Div", inputs: ["sum", "count"], outputs: ["pooled"] },
      { op: "Transpose", inputs: ["tokens"], outputs: ["turned"], attributes: { perm: { ints: [0, 2, 1] } } },
      { op: "MatMul", inputs: ["tokens", "turned"], outputs: ["pairs"] },
    ],
    initializers: INITIALIZERS,
  });
}

/**
 * One layer of attention with a mask, after which `first` [N, 4] is the vector of the first position and `labels` [N, L] the largest number
 * of each: what is padded is seen by nobody, but sums are taken over more positions.
 */
export function attentionEncoder(): Uint8Array {
  return buildModel({
    inputs: INPUTS,
    outputs: [
      { name: "first", type: "float", dims: ["batch", WIDTH] },
      { name: "labels", type: "int64", dims: ["batch", "sequence"] },
    ],
    nodes: [
      ...EMBED,
      { op: "Transpose", inputs: ["tokens"], outputs: ["turned"], attributes: { perm: { ints: [0, 2, 1] } } },
      { op: "MatMul", inputs: ["tokens", "turned"], outputs: ["scores"] },
      { op: "Sub", inputs: ["line", "unit"], outputs: ["absent"] },
      { op: "Mul", inputs: ["absent", "far"], outputs: ["bias"] },
      { op: "Add", inputs: ["scores", "bias"], outputs: ["masked"] },
      { op: "Softmax", inputs: ["masked"], outputs: ["weights"], attributes: { axis: { i: -1 } } },
      { op: "MatMul", inputs: ["weights", "tokens"], outputs: ["context"] },
      { op: "Gather", inputs: ["context", "zero"], outputs: ["first"], attributes: { axis: { i: 1 } } },
      { op: "ArgMax", inputs: ["context"], outputs: ["labels"], attributes: { axis: { i: 2 }, keepdims: { i: 0 } } },
    ],
    initializers: [...INITIALIZERS, floats("unit", [1], [1]), floats("far", [1], [10_000]), int64s("zero", [], [0])],
  });
}

/** The same inputs, but `pooled` [N, 4] is the mean over all positions, so that padding changes it. */
export function carelessTextEncoder(): Uint8Array {
  return buildModel({
    inputs: INPUTS,
    outputs: [{ name: "pooled", type: "float", dims: ["batch", WIDTH] }],
    nodes: [
      ...EMBED,
      { op: "Add", inputs: ["tokens", "column"], outputs: ["moved"] },
      { op: "ReduceMean", inputs: ["moved"], outputs: ["pooled"], attributes: { axes: { ints: [1] }, keepdims: { i: 0 } } },
    ],
    initializers: INITIALIZERS,
  });
}

/** What `textEncoder` answers to one row of real tokens. */
export function encodeRow(ids: readonly number[]): { pooled: number[]; tokens: number[]; pairs: number[] } {
  const vectors = ids.map((id) => VECTORS.slice(id * WIDTH, (id + 1) * WIDTH));
  return {
    pooled: Array.from({ length: WIDTH }, (_, i) => vectors.reduce((sum, vector) => sum + vector[i]!, 0) / ids.length),
    tokens: vectors.flat(),
    pairs: vectors.flatMap((a) => vectors.map((b) => a.reduce((sum, value, i) => sum + value * b[i]!, 0))),
  };
}
