// Time as the scheduler sees it, so that tests can hold it still.

/** A monotonic clock with one-shot timers. */
export interface Clock {
  /** Milliseconds on a monotonic scale, as `performance.now()`. */
  now(): number;
  /** Calls back once after `ms` milliseconds. The result cancels it; cancelling twice is harmless. */
  after(ms: number, callback: () => void): () => void;
}

/** The real clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
