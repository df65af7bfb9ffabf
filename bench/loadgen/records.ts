// What became of each call of a run, in arrays instead of objects.

import type { Ending } from "./call.ts";

/** How a call ended for its caller. */
export type Outcome = "ok" | "refused" | "unanswered" | "unsent" | "lost";

/** The books of a run; index: place in the schedule. */
export interface Records {
  /** Undefined while the call is open. */
  readonly outcome: (Outcome | undefined)[];
  /** From the scheduled time to the end, in milliseconds. */
  readonly endMs: Float64Array;
  /** From the scheduled time to the sending, in milliseconds. */
  readonly latenessMs: Float64Array;
  /** Of calls that the server ended. */
  readonly ending: (Ending | undefined)[];
}

/** Empty books for a schedule. */
export function createRecords(count: number): Records {
  return {
    outcome: Array.from<Outcome | undefined>({ length: count }),
    endMs: new Float64Array(count),
    latenessMs: new Float64Array(count),
    ending: Array.from<Ending | undefined>({ length: count }),
  };
}

// A server's clock for a deadline runs from the sending and in whole timer ticks: it may be a little ahead of the caller's.
const clockSlackMs = 1;

/**
 * Tells apart answers, refusals, broken calls, and calls whose server said no more than that their deadline had passed. Those have waited in
 * vain, whoever of the two was first to say so.
 * @param remainingMs from the end to the caller's deadline; negative after it, Infinity without one.
 */
export function outcomeOf({ status, predicted }: Ending, remainingMs: number): Outcome {
  if (status === "OK") return "ok";
  if (status === "DEADLINE_EXCEEDED" && predicted !== true && remainingMs <= clockSlackMs) return "unanswered";
  return status === "LOST" || status.startsWith("RESET") ? "lost" : "refused";
}
