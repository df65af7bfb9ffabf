// The length that the rows of one run are padded to, and how many of them fit into it.

import { rowsWithinTokens } from "../../tensor/length-buckets.ts";
import type { EngineRequest } from "../engine.ts";
import type { BatchPart } from "./executor.ts";
import type { QueueOptions } from "./queue-options.ts";

/** How the runs of one version are padded. */
export interface QueuePadding {
  /** Most rows times padded length of one run; a single longer row runs alone. */
  readonly maxBatchTokens: number;
  /** By output the dimensions that are as long as the inputs, ascending; none for an output that does not change with the length. */
  readonly outputDims: readonly (readonly number[])[];
}

/** Most rows of one run of requests that are padded like this one. */
export function maxRowsOf({ maxBatchSize, padding }: QueueOptions, request: EngineRequest): number {
  if (padding === undefined || request.padding === undefined) return maxBatchSize;
  return rowsWithinTokens(maxBatchSize, padding.maxBatchTokens, request.padding.paddedLength);
}

/** The part that is padded to the greatest length, which is that of the whole run; the first one where nothing is padded. */
export function longestOf<T extends BatchPart>(parts: readonly T[]): T {
  let longest = parts[0]!;
  for (const part of parts) {
    if ((part.request.padding?.paddedLength ?? 0) > (longest.request.padding?.paddedLength ?? 0)) longest = part;
  }
  return longest;
}

/** Which share of a run's length is padding, from 0 to below 1. */
export function padRatioOf(parts: readonly BatchPart[], rows: number, paddedLength: number): number {
  let real = 0;
  for (const { request, rows: own } of parts) real += own * request.padding!.length;
  return 1 - real / (rows * paddedLength);
}
