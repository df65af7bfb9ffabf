// A tensor as it travels through the pipeline: name, type, shape and a view of its bytes.

import type { Reason } from "../errors.ts";
import type { DType } from "./dtype.ts";

/** What a message had wrong about one tensor. */
export interface TensorProblem {
  readonly reason: Reason;
  /** Field of the tensor, e.g. `raw`. */
  readonly field: string;
  /** Continues "Input x …". */
  readonly text: string;
}

/** One named input or output. Immutable by agreement; the bytes may be a view into a message. */
export interface Tensor {
  /** Name in the model's signature. */
  readonly name: string;
  /** Element type; undefined when the wire carried none or one we do not know, which validation refuses. */
  readonly dtype: DType | undefined;
  /** Length of each dimension, outermost first. Values beyond 2^53 arrive inexact and are refused by validation. */
  readonly shape: readonly number[];
  /**
   * The elements in row-major order, little-endian. STRING elements stand one after the other, each a 4-byte little-endian length
   * and then UTF-8 bytes (the layout Triton calls BYTES). At any alignment.
   */
  readonly bytes: Uint8Array;
  /** What the wire had wrong about this tensor's data, for validation to refuse; undefined when nothing. */
  readonly problem: TensorProblem | undefined;
}

/**
 * Number of elements of a shape.
 * @returns the product, 1 for a scalar; -1 if a dimension is negative, not an integer or the product is not below 2^53.
 */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  let zero = false;
  for (let i = 0; i < shape.length; i++) {
    const dim = shape[i]!;
    if (!(dim >= 0) || dim >= Number.MAX_SAFE_INTEGER) return -1;
    if (dim === 0) zero = true;
    else if (count < Number.MAX_SAFE_INTEGER) count *= dim;
  }
  if (zero) return 0;
  return count >= Number.MAX_SAFE_INTEGER ? -1 : count;
}
