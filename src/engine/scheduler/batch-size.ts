// How large a batch may be for the sake of its most urgent request.

import type { RunTimes } from "./latency-curve.ts";

/**
 * A batch of this many rows, or the next smaller preferred size where a row takes less time in it.
 * @param headRows rows of the most urgent request, which must fit. @param preferred sizes, ascending.
 */
export function roundToPreferred(curve: RunTimes, headRows: number, rows: number, preferred: readonly number[]): number {
  let down = 0;
  for (const size of preferred) if (size <= rows) down = size;
  if (down < headRows) return rows;
  return curve.typicalMs(down) / down < curve.typicalMs(rows) / rows ? down : rows;
}

/** The answer when the most urgent request has to be dropped. */
export const DROP_HEAD = 0;

/**
 * The largest batch that meets the deadline of its most urgent request.
 * @param headRows rows of that request. @param full rows that wait and fit into one batch, at least `headRows`.
 * @param budgetMs from the start of the run to that deadline.
 * @param floor share of the full batch's rows per millisecond below which the request is dropped: one tight request must not halve the
 * throughput of all.
 * @returns rows, or `DROP_HEAD`.
 */
export function batchSize(curve: RunTimes, headRows: number, full: number, budgetMs: number, floor: number): number {
  if (curve.safeMs(full) <= budgetMs) return full;
  if (curve.safeMs(headRows) > budgetMs) return DROP_HEAD;
  const fits = rowsInTime(curve, headRows, full - 1, budgetMs);
  return fits / curve.typicalMs(fits) < (floor * full) / curve.typicalMs(full) ? DROP_HEAD : fits;
}

/** The most rows, from `least` to `most`, whose run is safely over in this time; `least` when more are not. */
export function rowsInTime(curve: RunTimes, least: number, most: number, budgetMs: number): number {
  let fits = least;
  let tooMany = most + 1;
  while (tooMany - fits > 1) {
    const middle = (fits + tooMany) >> 1;
    if (curve.safeMs(middle) <= budgetMs) fits = middle;
    else tooMany = middle;
  }
  return fits;
}
