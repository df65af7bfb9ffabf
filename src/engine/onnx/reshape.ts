// Shapes that callers see where the model file has others with as many elements.

import { RunFailure } from "../scheduler/executor.ts";

/** By input and output of the signature; undefined where the shapes are the same. */
export interface Reshapes {
  /** Whether the first dimension of everything counts rows, which the shapes here leave out. */
  readonly hasRows: boolean;
  /** What the file takes. */
  readonly inputs: readonly (readonly number[] | undefined)[];
  /** What callers get. */
  readonly outputs: readonly (readonly number[] | undefined)[];
}

/** Of a model whose file has the shapes that callers see. */
export const NO_RESHAPES: Reshapes = Object.freeze({ hasRows: false, inputs: Object.freeze([]), outputs: Object.freeze([]) });

/**
 * The shape by a pattern in which one length at most is free; the shape itself without a pattern.
 * @throws RunFailure when it has another number of elements: a model may give something else than its file says.
 */
export function reshape(shape: readonly number[], pattern: readonly number[] | undefined, hasRows: boolean): readonly number[] {
  if (pattern === undefined) return shape;
  const head = hasRows ? shape.slice(0, 1) : [];
  let elements = 1;
  for (let i = head.length; i < shape.length; i++) elements *= shape[i]!;
  let known = 1;
  for (const length of pattern) if (length !== -1) known *= length;
  const free = elements / known;
  if (pattern.includes(-1) ? !Number.isInteger(free) : free !== 1) {
    throw new RunFailure(`A tensor of shape [${shape.join(", ")}] cannot be shown as [${pattern.join(", ")}].`, false);
  }
  return [...head, ...pattern.map((length) => (length === -1 ? free : length))];
}
