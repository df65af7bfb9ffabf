// The largest batch of a model whose configuration names batch sizes: a sweep must not make it smaller than they are.

import type { LoadOptions } from "../backend.ts";

/** What decides. */
export type NamedSizes = Pick<LoadOptions, "allowedBatchSizes" | "preferredBatchSizes" | "maxBatchSize" | "defaultMaxBatchSize">;

/** That size; undefined where no sizes are named, so that any may be found. */
export function largestNamed({
  allowedBatchSizes,
  preferredBatchSizes,
  maxBatchSize,
  defaultMaxBatchSize,
}: NamedSizes): number | undefined {
  if (allowedBatchSizes.length > 0) return Math.max(...allowedBatchSizes);
  return preferredBatchSizes.length > 0 ? (maxBatchSize ?? defaultMaxBatchSize) : undefined;
}
