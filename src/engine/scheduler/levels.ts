// The levels of priority of one model version.

import type { QueuePolicies, QueuePolicy } from "../queue-policy.ts";
import type { DeadlineIndex } from "./deadline-index.ts";

/** One level, and who waits on it. */
export interface Level {
  /** 1 is the highest; 0 is the one level of a model without levels. */
  readonly number: number;
  readonly policy: QueuePolicy;
  /** Whether requests go by arrival, whatever their deadlines. */
  readonly inArrivalOrder: boolean;
  /** Requests of which at least a part waits. The queue counts them. */
  waiting: number;
  /** Rows that wait. The queue counts them, here and below. */
  rows: number;
  /** Rows by deadline, of jobs that did not start at once; undefined while there have been none. */
  index: DeadlineIndex | undefined;
  /** Batches led by other levels since this one, which has work, has led any. */
  passedOver: number;
  /** Rows in the batch that is being formed. */
  riding: number;
  /** Whether its queue has seen it. */
  isKnown: boolean;
}

function createLevel(number: number, policy: QueuePolicy, inArrivalOrder: boolean): Level {
  return { number, policy, inArrivalOrder, waiting: 0, rows: 0, index: undefined, passedOver: 0, riding: 0, isKnown: false };
}

/** The level of a request that brings this priority; one that names none, or one that does not exist, gets the default. */
export type LevelOf = (priority: number) => Level;

/** Levels that are kept although nobody waits on them: callers choose which ones are used. */
const MAX_KNOWN = 1024;

function forgetIdle(known: Map<number, Level>): void {
  for (const [number, { waiting }] of known) if (waiting === 0) known.delete(number);
}

/** Makes the levels of one queue. @param inArrivalOrder whether requests go by arrival, whatever their deadlines. */
export function createLevels({ levels, defaultLevel, defaultPolicy, policies }: QueuePolicies, inArrivalOrder = false): LevelOf {
  if (levels === 0) {
    const only = createLevel(0, defaultPolicy, inArrivalOrder);
    return () => only;
  }
  // Made when first asked for: a configuration may declare more levels than anybody uses.
  const known = new Map<number, Level>();
  return (priority) => {
    const number = priority >= 1 && priority <= levels ? priority : defaultLevel;
    let level = known.get(number);
    if (level === undefined) {
      if (known.size >= MAX_KNOWN) forgetIdle(known);
      known.set(number, (level = createLevel(number, policies.get(number) ?? defaultPolicy, inArrivalOrder)));
    }
    return level;
  };
}
