// Cuts a tensor back to the length it had before it was padded.

import type { DType } from "./dtype.ts";
import { ELEMENT_BYTES } from "./dtype.ts";
import { stringRowOffsets } from "./rows.ts";

/** A tensor's shape and elements, in the layout of `Tensor.bytes`. */
export interface Block {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** The first `length` entries along each of these dimensions. @param dims ascending, not empty; `length` is nowhere above the shape's. */
export function trim({ dtype, shape, bytes }: Block, dims: readonly number[], length: number): Block {
  const to = shape.map((size, dim) => (dims.includes(dim) ? length : size));
  const last = dims.at(-1)!;
  const inner = product(shape, last + 1);
  const spans: number[] = [];
  const walk = (dim: number, from: number): void => {
    if (dim === last) {
      spans.push(from);
      return;
    }
    const stride = product(shape, dim + 1);
    for (let i = 0; i < to[dim]!; i++) walk(dim + 1, from + i * stride);
  };
  if (!to.includes(0)) walk(0, 0);
  return { dtype, shape: to, bytes: copySpans(dtype, bytes, product(shape, 0), spans, length * inner) };
}

function copySpans(dtype: DType, bytes: Uint8Array, elements: number, spans: readonly number[], count: number): Uint8Array {
  const width = ELEMENT_BYTES[dtype];
  const offsets = dtype === "STRING" ? stringRowOffsets(bytes, elements, 1) : undefined;
  const at = (element: number): number => offsets?.[element] ?? element * width;
  let total = 0;
  for (const first of spans) total += at(first + count) - at(first);
  const kept = new Uint8Array(total);
  let end = 0;
  for (const first of spans) {
    const span = bytes.subarray(at(first), at(first + count));
    kept.set(span, end);
    end += span.byteLength;
  }
  return kept;
}

function product(shape: readonly number[], from: number): number {
  let count = 1;
  for (let i = from; i < shape.length; i++) count *= shape[i]!;
  return count;
}
