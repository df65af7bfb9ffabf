// Which inputs of a signature are padded and with what, and the keys of requests that may share a run.

import type { Tensor } from "./tensor.ts";

/** How one input is padded. */
export interface PaddedDim {
  /** Position of the length in the shape, rows included. */
  readonly dimension: number;
  /** Bytes of the element that fills up. */
  readonly element: Uint8Array;
  /** Whether a request may leave the input out, which then is 1 at each of its positions. */
  readonly isMask: boolean;
}

/** How the inputs of a version are padded. */
export interface PaddingPlan {
  /** By input of the signature; undefined for one that is never padded. */
  readonly inputs: readonly (PaddedDim | undefined)[];
  /** The first of them that every request brings. */
  readonly lengthInput: number;
  /** Lengths that requests are padded to, ascending. */
  readonly buckets: readonly number[];
  /** Most rows times padded length of one run; a single longer row runs alone. */
  readonly maxBatchTokens: number;
}

/** The same for requests that may share a run: every dimension beyond the first is equal. */
export function shapeKeyOf(inputs: readonly Tensor[]): string {
  let key = "";
  for (const { shape } of inputs) {
    for (let i = 1; i < shape.length; i++) key += `${shape[i]},`;
    key += ";";
  }
  return key;
}

/** The same with the length replaced by the one it is padded to, which stands first. */
export function paddedShapeKeyOf(inputs: readonly Tensor[], { inputs: padded }: PaddingPlan, paddedLength: number): string {
  let key = `${paddedLength}|`;
  for (let input = 0; input < inputs.length; input++) {
    const { shape } = inputs[input]!;
    const dimension = padded[input]?.dimension;
    for (let i = 1; i < shape.length; i++) key += i === dimension ? "L," : `${shape[i]},`;
    key += ";";
  }
  return key;
}

/** Whether two keys differ at most in the length. */
export function differOnlyInLength(key: string, other: string): boolean {
  const rest = key.indexOf("|");
  return rest !== -1 && key.slice(rest) === other.slice(other.indexOf("|"));
}
