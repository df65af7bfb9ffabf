// The runs that it takes to serve what waits, where runs of different lengths take different times.

import { maxRowsOf } from "./padded-length.ts";
import type { QueueState } from "./queue-state.ts";

/** Runs, what they take together, and rows of one of them on average. */
export interface WaitingRuns {
  readonly count: number;
  /** Expected, in milliseconds. */
  readonly ms: number;
  readonly rows: number;
}

/**
 * By the lengths that wait. Undefined when nothing waits.
 * @param joiningPerMs rows per millisecond that will fill these runs up, as far as they have room, until they start; 0 for none.
 */
export function waitingRuns(state: Pick<QueueState, "options" | "queue">, joiningPerMs = 0): WaitingRuns | undefined {
  const { queue, options } = state;
  if (queue.rows === 0) return undefined;
  const ms = runsMs(state, 1);
  // On average a run waits for half of the others, and much of what comes meanwhile finds no room: simulations bear a quarter out.
  const joining = (joiningPerMs * ms) / options.instances.length / 4;
  let count = 0;
  for (const { head, rows } of queue.shapes) if (head !== undefined) count += Math.ceil(rows / maxRowsOf(options, head.request));
  return { count, ms: joining === 0 ? ms : runsMs(state, 1 + joining / queue.rows), rows: queue.rows / count };
}

/** @param growth by how much the rows of each length will have grown until they run. */
function runsMs({ options, queue }: Pick<QueueState, "options" | "queue">, growth: number): number {
  let ms = 0;
  for (const { head, rows } of queue.shapes) {
    if (head === undefined) continue;
    const maxRows = maxRowsOf(options, head.request);
    const runs = Math.ceil(rows / maxRows);
    const each = Math.min(maxRows, Math.ceil((rows * growth) / runs));
    ms += runs * options.latency.curve(head.request.shapeKey).meanMs(each);
  }
  return ms;
}
