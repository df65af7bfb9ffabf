// Lines about failed calls: each one as long as they are few, a count of the rest when they come by the thousand.

import type { Clock } from "../lib/clock.ts";
import { systemClock } from "../lib/clock.ts";
import type { Reason } from "../errors.ts";
import type { Logger } from "./logger.ts";

const WINDOW_MS = 1000;

/** Decides which failures get a line of their own. */
export interface FailureLog {
  /** Whether a call that failed for this reason gets a line now. One that does not is counted in the line at the end of the second. */
  admits(reason: Reason): boolean;
  /** Writes the counts that are due. */
  close(): void;
}

/**
 * Makes the log.
 * @param maxPerSecond lines about calls that failed for the same reason. Writing one costs about as much as refusing a call, and whoever
 * reads the log during an overload needs the count, not ten thousand lines a second.
 */
export function createFailureLog(logger: Logger, maxPerSecond: number, clock: Clock = systemClock): FailureLog {
  const written = new Map<Reason, number>();
  let cancel: (() => void) | undefined;
  const close = (): void => {
    cancel?.();
    cancel = undefined;
    for (const [reason, count] of written) {
      if (count > maxPerSecond) logger.info({ reason, count: count - maxPerSecond }, "further calls");
    }
    written.clear();
  };
  return {
    admits(reason) {
      cancel ??= clock.after(WINDOW_MS, close);
      const count = written.get(reason) ?? 0;
      if (count < maxPerSecond || !logger.isVerbose) written.set(reason, count + 1);
      return count < maxPerSecond || logger.isVerbose;
    },
    close,
  };
}
