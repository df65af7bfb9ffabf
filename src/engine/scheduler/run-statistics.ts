// What the runs of one version have cost, by the rows that really ran.

import type { BatchStatistics } from "../engine.ts";

/** Adds up; every number only grows. */
export class RunStatistics {
  /** By rows; sizes that never ran are holes. */
  readonly #sizes: { -readonly [K in keyof BatchStatistics]: BatchStatistics[K] }[] = [];

  /** Notes one run. Times in milliseconds. */
  record(rows: number, batchMs: number, runMs: number, postprocessMs: number): void {
    const size = (this.#sizes[rows] ??= { rows, count: 0, batchMs: 0, runMs: 0, postprocessMs: 0 });
    size.count++;
    size.batchMs += batchMs;
    size.runMs += runMs;
    size.postprocessMs += postprocessMs;
  }

  /** A copy, smallest size first. */
  toArray(): readonly BatchStatistics[] {
    const sizes: BatchStatistics[] = [];
    // Callback methods skip the holes.
    this.#sizes.forEach((size) => sizes.push({ ...size }));
    return sizes;
  }
}
