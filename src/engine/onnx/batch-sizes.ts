// The batch sizes that a configuration names, held against what a run may take.

import { ModelError } from "../backend.ts";

/** Each size once, smallest first. */
export function sortSizes(sizes: readonly number[]): readonly number[] {
  return [...new Set(sizes)].toSorted((a, b) => a - b);
}

/** @param maxBatchSize most rows of a run; 0 without rows. @throws ModelError if a preferred size can never be reached. */
export function assertPreferred(sizes: readonly number[], maxBatchSize: number): void {
  const over = sizes.find((size) => size > maxBatchSize);
  if (over === undefined) return;
  const most = maxBatchSize === 0 ? "has no rows" : `takes at most ${maxBatchSize} rows`;
  throw new ModelError(`The configuration prefers batches of ${over} rows; a run ${most}.`);
}
