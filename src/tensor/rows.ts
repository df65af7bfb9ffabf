// Rows of tensors: where they start, and cutting and joining them.

import type { DType } from "./dtype.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Byte offsets at which each row of a STRING tensor starts, the end of the last row included (`rows + 1` entries).
 * @param bytes length-prefixed elements, checked before by validation.
 */
export function stringRowOffsets(bytes: Uint8Array, rows: number, rowElements: number): number[] {
  const offsets = Array.from<number>({ length: rows + 1 });
  offsets[0] = 0;
  let at = 0;
  for (let row = 1; row <= rows; row++) {
    for (let i = 0; i < rowElements; i++) at += 4 + readLength(bytes, at);
    offsets[row] = at;
  }
  return offsets;
}

/** Reads the 4-byte little-endian length in front of a STRING element. */
export function readLength(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

/** Finds the bytes of row ranges of one tensor; scans STRING tensors once. */
export interface RowCutter {
  /** View of the rows `first … first + count - 1`. */
  cut(first: number, count: number): Uint8Array;
}

/** @param rows length of the first dimension, at least 1. @param rowElements product of the other dimensions. */
export function createRowCutter(dtype: DType | undefined, bytes: Uint8Array, rows: number, rowElements: number): RowCutter {
  if (dtype !== "STRING") {
    const rowBytes = bytes.byteLength / rows;
    return { cut: (first, count) => bytes.subarray(first * rowBytes, (first + count) * rowBytes) };
  }
  const offsets = stringRowOffsets(bytes, rows, rowElements);
  return { cut: (first, count) => bytes.subarray(offsets[first], offsets[first + count]) };
}

/** Product of all dimensions but the first. */
export function elementsPerRow(shape: readonly number[]): number {
  let count = 1;
  for (let i = 1; i < shape.length; i++) count *= shape[i]!;
  return count;
}

/** Joins tensors of equal name and type, and equal shape beyond the first dimension, along the first dimension. */
export function joinRows(parts: readonly Tensor[]): Tensor {
  const [head] = parts;
  if (head === undefined) throw new Error("Nothing to join. This is a bug.");
  if (parts.length === 1) return head;
  let rows = 0;
  let length = 0;
  for (const part of parts) {
    rows += part.shape[0]!;
    length += part.bytes.byteLength;
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part.bytes, at);
    at += part.bytes.byteLength;
  }
  return { name: head.name, dtype: head.dtype, shape: [rows, ...head.shape.slice(1)], bytes, problem: undefined };
}
