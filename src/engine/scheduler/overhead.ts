// The time that a request loses outside of its run: before the server saw it and until its answer has left.

/** What remains when the event loop is idle, in milliseconds: reading the request and writing the answer. */
const BASE_MS = 0.5;

/** Share of a new measurement in the average, and its limit. */
const SHARE = 1 / 8;
const MAX_DELAY_MS = 25;

/** At most one measurement in this time, and none while nothing arrives. */
const EVERY_MS = 50;

/** A timer is never earlier than this, so that much is no delay. */
const TIMER_MS = 1;

/** What is taken off every deadline. */
export interface Overhead {
  /** In milliseconds. */
  readonly ms: number;
  /** Tells that there is work, so that measuring makes sense. */
  touch(now: number): void;
}

/** For tests and simulations: nothing is lost. */
export const NO_OVERHEAD: Overhead = Object.freeze({ ms: 0, touch: () => {} });

/**
 * Measures how late a timer is that was set when a batch came back or a request arrived: that is the event loop's delay, the writing of
 * answers included. It counts twice: a request waits as long before it is read as its answer waits before it is written.
 */
export class LoopOverhead implements Overhead {
  ms = BASE_MS;
  #delayMs = 0;
  #setAt = -Infinity;
  #isSet = false;

  touch(now: number): void {
    if (this.#isSet || now - this.#setAt < EVERY_MS) return;
    this.#isSet = true;
    this.#setAt = now;
    setTimeout(measure, TIMER_MS, this).unref();
  }

  /** For the timer only. */
  onTimer(now: number): void {
    this.#isSet = false;
    const delayMs = Math.min(Math.max(0, now - this.#setAt - TIMER_MS), MAX_DELAY_MS);
    this.#delayMs += (delayMs - this.#delayMs) * SHARE;
    this.ms = BASE_MS + 2 * this.#delayMs;
  }
}

function measure(overhead: LoopOverhead): void {
  overhead.onTimer(performance.now());
}
