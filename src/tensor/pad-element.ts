// The bytes of one element with a given value, to fill tensors up with.

import type { DType } from "./dtype.ts";
import { ELEMENT_BYTES } from "./dtype.ts";
import { toBfloat, toHalf } from "./half.ts";

const INTEGER_RANGES: Readonly<Partial<Record<DType, readonly [number, number]>>> = {
  BOOL: [0, 1],
  UINT8: [0, 2 ** 8 - 1],
  UINT16: [0, 2 ** 16 - 1],
  UINT32: [0, 2 ** 32 - 1],
  UINT64: [0, Number.MAX_SAFE_INTEGER],
  INT8: [-(2 ** 7), 2 ** 7 - 1],
  INT16: [-(2 ** 15), 2 ** 15 - 1],
  INT32: [-(2 ** 31), 2 ** 31 - 1],
  INT64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

/** The element, little-endian; undefined for a value that the type does not have, and for STRING. */
export function padElement(dtype: DType, value: number): Uint8Array | undefined {
  const range = INTEGER_RANGES[dtype];
  if (range !== undefined && !(Number.isInteger(value) && value >= range[0] && value <= range[1])) return undefined;
  const bytes = new Uint8Array(ELEMENT_BYTES[dtype]);
  const view = new DataView(bytes.buffer);
  if (dtype === "STRING") return undefined;
  if (dtype === "FP32") view.setFloat32(0, value, true);
  else if (dtype === "FP64") view.setFloat64(0, value, true);
  else if (dtype === "FP16") view.setUint16(0, toHalf(value), true);
  else if (dtype === "BF16") view.setUint16(0, toBfloat(value), true);
  else if (bytes.length === 8) view.setBigInt64(0, BigInt(value), true);
  else for (let i = 0; i < bytes.length; i++) bytes[i] = value >> (8 * i);
  return bytes;
}

/** So many ones. @param dtype any but STRING. */
export function onesOf(dtype: DType, count: number): Uint8Array {
  const one = padElement(dtype, 1)!;
  const bytes = new Uint8Array(count * one.byteLength);
  for (const [i, byte] of one.entries()) {
    if (byte !== 0) for (let at = i; at < bytes.byteLength; at += one.byteLength) bytes[at] = byte;
  }
  return bytes;
}
