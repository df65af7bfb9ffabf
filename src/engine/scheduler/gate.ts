// How long an idle instance may wait for a fuller batch.

import type { Clock } from "../../lib/clock.ts";

/** A timer is late by up to this much on a process that is not overloaded, rounding included. */
const TIMER_SLACK_MS = 2;

/** What the decision needs to know of the jobs of one shape. */
export interface WaitingJobs {
  /** Since when jobs have been waiting without a batch taking any. */
  readonly since: number;
  /** No deadline among them is earlier. */
  readonly earliestDeadline: number;
  /** None of them has to start earlier. */
  readonly earliestStartBy: number;
}

/**
 * When waiting ends. Nobody misses a deadline or times out for the sake of a fuller batch.
 * @param fullRunMs expected run time of a full batch.
 */
export function opensAt(waiting: WaitingJobs, maxQueueDelayMs: number, fullRunMs: number): number {
  // Timers know whole milliseconds: a part of one would be rounded up, so it is not waited for.
  return Math.min(
    waiting.since + Math.floor(maxQueueDelayMs),
    waiting.earliestDeadline - 2 * fullRunMs - 1,
    waiting.earliestStartBy - TIMER_SLACK_MS,
  );
}

/**
 * How long after the last arrival one more row is worth waiting for, by the rule `auto`: what the next row gains, since it does not have to
 * wait until an instance is free again, against what all that wait lose. Worth it while rows come in shorter gaps than this.
 * @param rows that wait. @param freeMs until an instance is free again if the batch leaves now.
 * @param growthMs by which one more row makes the run longer.
 */
export function patienceMs(rows: number, freeMs: number, growthMs: number): number {
  return (freeMs - rows * growthMs) / (rows + 1);
}

/** The one timer of a queue that waits for fuller batches. */
export class Gate {
  readonly #clock: Clock;
  readonly #onOpen: () => void;
  #at = Infinity;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, onOpen: () => void) {
    this.#clock = clock;
    this.#onOpen = onOpen;
  }

  /** Opens at this time, unless it opens earlier anyway. */
  arm(at: number, now: number): void {
    if (at >= this.#at) return;
    this.disarm();
    this.#at = at;
    this.#cancel = this.#clock.after(Math.ceil(at - now), () => {
      this.#at = Infinity;
      this.#cancel = undefined;
      this.#onOpen();
    });
  }

  /** Does not open any more. */
  disarm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#at = Infinity;
  }
}
