// What a sweep measures of one choice of instances and threads.

import type { Execution, Provider } from "../../config/config.ts";
import type { Sizes } from "./candidates.ts";

/** Times of one batch size, taken while every instance was busy with the same. */
export interface SizeTimes {
  readonly rows: number;
  /** From the hand-over of a batch to its answers, in milliseconds: what an instance is busy for. Not empty. */
  readonly busyMs: readonly number[];
  /** The model's runs alone, in milliseconds. Not empty. */
  readonly runMs: readonly number[];
}

/** Times of one choice. */
export interface Measurement extends Sizes {
  readonly execution: Execution;
  readonly provider: Provider;
  /** Smallest first; 1 row is always there. */
  readonly sizes: readonly SizeTimes[];
  /** Memory of the server's processes while the sessions stood, in bytes. */
  readonly memoryBytes: number;
}

/** The lower one of two in the middle. @param values not empty. */
export function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 1]!;
}

/**
 * Of two measurements of one choice the quicker times, size by size: what else the machine does makes runs slower, never faster. A size that
 * only one of them has counts as it is.
 */
export function quickerOf(one: Measurement, other: Measurement): Measurement {
  const sizes = [...one.sizes, ...other.sizes].toSorted((a, b) => a.rows - b.rows || medianOf(a.busyMs) - medianOf(b.busyMs));
  return {
    ...one,
    sizes: sizes.filter(({ rows }, index) => rows !== sizes[index - 1]?.rows),
    memoryBytes: Math.max(one.memoryBytes, other.memoryBytes),
  };
}
