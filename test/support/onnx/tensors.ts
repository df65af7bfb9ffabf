// Short ways to write constant tensors.

import type { OnnxTensor } from "./types.ts";

/** A float tensor. */
export function floats(name: string, dims: readonly number[], values: ArrayLike<number>): OnnxTensor {
  return { name, type: "float", dims, data: new Uint8Array(Float32Array.from(values).buffer) };
}

/** An int64 tensor. */
export function int64s(name: string, dims: readonly number[], values: readonly (number | bigint)[]): OnnxTensor {
  return { name, type: "int64", dims, data: new Uint8Array(BigInt64Array.from(values, BigInt).buffer) };
}

/** A bool tensor. */
export function bools(name: string, dims: readonly number[], values: readonly boolean[]): OnnxTensor {
  return { name, type: "bool", dims, data: Uint8Array.from(values, Number) };
}

/** A string tensor. */
export function strings(name: string, dims: readonly number[], values: readonly string[]): OnnxTensor {
  return { name, type: "string", dims, data: values };
}
