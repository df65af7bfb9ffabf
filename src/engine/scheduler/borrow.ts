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
  /** Their length over that of the run, below 1. */
  readonly lengthShare: number;
}

/**
 * Rows of the shorter requests that ride along, padded further than they need to be: all that there is room for when the padding costs less
 * than what is spent on every run, however short, for each of their own runs that is spared; none otherwise. Curves of two lengths were not
 * measured at the same time, and their difference says little; so only the slope of one counts, of medians, which a stalled run leaves alone.
 */
export function borrowedRows({ curve, rows: own, spareRows }: Lender, shorter: Borrowed): number {
  const rows = Math.min(shorter.rows, spareRows);
  if (rows <= 0) return 0;
  const togetherMs = curve.typicalMs(own + rows);
  const oneMs = curve.typicalMs(1);
  // Where the curve is flat only because few runs were measured, the slope from the first row on says more.
  const rowMs = Math.max((togetherMs - curve.typicalMs(own)) / rows, (togetherMs - oneMs) / (own + rows - 1));
  const runMs = Math.min(oneMs - rowMs, shorter.curve.typicalMs(1));
  const sparedRuns = Math.ceil(shorter.rows / shorter.maxRows) - Math.ceil((shorter.rows - rows) / shorter.maxRows);
  return rows * rowMs * (1 - shorter.lengthShare) < sparedRuns * runMs ? rows : 0;
}
