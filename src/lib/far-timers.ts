// Deadlines that are far away, without a timer for each: most calls are over long before theirs comes near.

import type { Bagged } from "./bag.ts";
import { Bag } from "./bag.ts";

/** How often the far ones are looked through, in milliseconds. */
const SWEEP_MS = 500;

/** Nearer than this a deadline needs a timer of its own: it may come before the next look. */
export const NEAR_MS = 2 * SWEEP_MS;

/** Somebody with a deadline. */
export interface FarTimer extends Bagged {
  /** On the clock of `performance.now()`, in milliseconds. */
  readonly deadline: number;
  /** Called once when the deadline has come near; it is no longer watched then. */
  onNear(now: number): void;
}

const watched = new Bag<FarTimer>();
let sweep: NodeJS.Timeout | undefined;

/** Watches a deadline that is further away than `NEAR_MS`. */
export function watchFar(timer: FarTimer): void {
  watched.add(timer);
  sweep ??= setInterval(lookThrough, SWEEP_MS);
}

/** Stops watching; one that is not watched is left alone. */
export function unwatchFar(timer: FarTimer): void {
  watched.delete(timer);
}

function lookThrough(): void {
  const now = performance.now();
  for (const timer of watched.toArray()) {
    if (timer.deadline - now > NEAR_MS) continue;
    watched.delete(timer);
    timer.onNear(now);
  }
  if (watched.size > 0) return;
  clearInterval(sweep);
  sweep = undefined;
}
