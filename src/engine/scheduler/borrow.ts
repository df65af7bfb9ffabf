// Whether a run that is not full takes shorter requests along.

import type { RunTimes } from "./latency-curve.ts";

/** A run that could take more rows. */
export interface Lender {
  /** Times of runs as long as this one. */
  readonly curve: RunTimes;
  readonly rows: number;
  /** Rows that it has room and time for. */
  readonly spareRows: number;
}

/** Shorter requests that wait. */
export interface Borrowed {
  /** Times of their own runs. */
  readonly curve: RunTimes;
  readonly rows: number;
  /** Most rows of one of their own runs. */
  readonly maxRows: number;
}

/**
 * Rows of the shorter requests that ride along, padded further than they need to be: all that there is room for when that adds less to the
 * run than it takes off their own runs, and none otherwise.
 */
export function borrowedRows(run: Lender, shorter: Borrowed): number {
  const rows = Math.min(shorter.rows, run.spareRows);
  if (rows <= 0) return 0;
  const addedMs = run.curve.meanMs(run.rows + rows) - run.curve.meanMs(run.rows);
  return addedMs < runsMs(shorter, shorter.rows) - runsMs(shorter, shorter.rows - rows) ? rows : 0;
}

/** What so many rows take in runs of their own. */
function runsMs({ curve, maxRows }: Borrowed, rows: number): number {
  const rest = rows % maxRows;
  return ((rows - rest) / maxRows) * curve.meanMs(maxRows) + (rest === 0 ? 0 : curve.meanMs(rest));
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
