// Whether sizes that look too slow still are: now and then a batch that would be cut leaves whole.

import type { Job } from "./job.ts";

/**
 * A size that looks too slow is not run any more, so nothing would ever correct it. After so many batches that were cut one leaves whole;
 * twice as many later the next, as long as the predictions prove right.
 */
const MIN_CUTS = 32;
const MAX_CUTS = 4096;

/** A run of less than this share of the safe prediction says that it is wrong. */
const DISPROVED_SHARE = 0.85;

/** Counts the batches that were cut, and says when one has to leave whole. */
export class SizeTrials {
  /** Batches cut since a whole one has been tried, and how many it takes until the next. */
  #cuts = 0;
  #maxCuts = MIN_CUTS;
  /** The whole batch that is being tried. */
  #trial: readonly Job[] | undefined;

  /** A batch is about to be cut. @returns whether it has to leave whole instead. */
  isDue(): boolean {
    return ++this.#cuts > this.#maxCuts;
  }

  /** A batch leaves: the trial, if one was due. */
  left(jobs: readonly Job[]): void {
    if (this.#cuts <= this.#maxCuts) return;
    this.#cuts = 0;
    this.#trial = jobs;
  }

  /** A batch is back. @param safeMs what had been predicted. */
  returned(jobs: readonly Job[], ranMs: number, safeMs: number): void {
    if (jobs !== this.#trial) return;
    this.#trial = undefined;
    const isDisproved = ranMs < DISPROVED_SHARE * safeMs;
    this.#maxCuts = isDisproved ? MIN_CUTS / 4 : Math.min(MAX_CUTS, 2 * Math.max(MIN_CUTS, this.#maxCuts));
  }
}
