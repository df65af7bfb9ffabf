// Short ways to write and read tensors of the wire.

import { DataType } from "../../generated/predictd/v1/tensor.ts";
import type { Tensor } from "../../generated/predictd/v1/tensor.ts";

/** Data types that travel as raw bytes, by the name they have in `predictd.v1.DataType` without its prefix. */
export type RawType = "BOOL" | "FP16" | "FP32" | "FP64" | `${"" | "U"}INT${8 | 16 | 32 | 64}`;

/** A tensor of raw bytes. */
export function raw(name: string, type: RawType, shape: readonly (number | bigint)[], bytes: Uint8Array): Tensor {
  return { name, dataType: DataType[`DATA_TYPE_${type}`], shape: shape.map(BigInt), raw: bytes, strings: [] };
}

/** An FP32 tensor. */
export function fp32(name: string, shape: readonly (number | bigint)[], values: ArrayLike<number>): Tensor {
  return raw(name, "FP32", shape, new Uint8Array(Float32Array.from(values).buffer));
}

/** An INT64 tensor. */
export function int64(name: string, shape: readonly (number | bigint)[], values: readonly (number | bigint)[]): Tensor {
  return raw(name, "INT64", shape, new Uint8Array(BigInt64Array.from(values, BigInt).buffer));
}

/** A STRING tensor. */
export function text(name: string, shape: readonly (number | bigint)[], strings: readonly string[]): Tensor {
  return { name, dataType: DataType.DATA_TYPE_STRING, shape: shape.map(BigInt), raw: new Uint8Array(0), strings: [...strings] };
}

/** The values of an FP32 tensor. */
export function floatsOf(tensor: Tensor | undefined): number[] {
  if (tensor === undefined) throw new Error("there is no such tensor");
  return [...new Float32Array(Uint8Array.from(tensor.raw).buffer)];
}

/** The values of an INT64 tensor. */
export function int64sOf(tensor: Tensor | undefined): bigint[] {
  if (tensor === undefined) throw new Error("there is no such tensor");
  return [...new BigInt64Array(Uint8Array.from(tensor.raw).buffer)];
}

/** The shape as numbers. */
export function shapeOf(tensor: Tensor | undefined): number[] {
  return (tensor?.shape ?? []).map(Number);
}
