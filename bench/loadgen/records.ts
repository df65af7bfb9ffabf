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

/** Tells apart answers, refusals and broken calls. */
export function outcomeOf({ status }: Ending): Outcome {
  if (status === "OK") return "ok";
  return status === "LOST" || status.startsWith("RESET") ? "lost" : "refused";
}
