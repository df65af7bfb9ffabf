// Until when an idle instance waits for a fuller batch.

import { opensAt, patienceMs } from "./gate.ts";
import type { LaneState } from "./lane-state.ts";
import type { QueueState } from "./queue-state.ts";
import type { ShapeQueue } from "./shape-queue.ts";

/** When the jobs of a shape leave on this idle lane, unless more come before; a time that has passed if they leave at once. */
export function waitsUntil(
  { options, queue, arrivalRate, lanes }: QueueState,
  jobs: ShapeQueue,
  lane: LaneState,
  fullRunMs: number,
  now: number,
): number {
  const { gate, maxQueueDelayMs, latency } = options;
  const opens = opensAt(jobs, maxQueueDelayMs, fullRunMs);
  if (gate === "fixed") return opens;
  const curve = latency.curve(jobs.head!.request.shapeKey);
  const runMs = curve.meanMs(jobs.rows);
  let freeMs = runMs;
  for (const other of lanes) {
    if (other === lane) continue;
    if (other.inFlight === 0 && other.lane.available) return now;
    freeMs = Math.min(freeMs, other.freeAt(now) - now);
  }
  const gapMs = Math.max(1, queue.shapeCount) / arrivalRate.rowsPerMs;
  const patience = patienceMs(jobs.rows, freeMs, curve.meanMs(jobs.rows + 1) - runMs);
  // The longest wait must not end before the row that is waited for.
  return gapMs < patience ? Math.min(opens - gapMs, arrivalRate.lastAt + patience) : now;
}
