// A clock that the test turns.

import type { Clock } from "../../../src/lib/clock.ts";

/** Time stands still until the test moves it. */
export interface ManualClock extends Clock {
  /** Timers that have neither fired nor been cancelled. */
  readonly timerCount: number;
  /** Moves time on; every timer fires at its moment, in order. */
  advance(ms: number): void;
  /** Moves time on without firing anything, as an event loop does that is held up. */
  stall(ms: number): void;
}

/**
 * Makes a clock. It begins so far ahead of `performance.now()` that deadlines on it never fire by themselves.
 * @param earlyMs by how much timers fire too early that last longer than this.
 */
export function createManualClock(earlyMs = 0): ManualClock {
  const timers: { readonly at: number; readonly callback: () => void }[] = [];
  let now = 1e9;
  return {
    now: () => now,
    get timerCount() {
      return timers.length;
    },
    after(ms, callback) {
      const timer = { at: now + (ms > earlyMs ? ms - earlyMs : ms), callback };
      timers.push(timer);
      return () => {
        const index = timers.indexOf(timer);
        if (index !== -1) timers.splice(index, 1);
      };
    },
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const [next] = timers.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at);
        if (next === undefined) break;
        timers.splice(timers.indexOf(next), 1);
        now = Math.max(now, next.at);
        next.callback();
      }
      now = end;
    },
    stall(ms) {
      now += ms;
    },
  };
}
