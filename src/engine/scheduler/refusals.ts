// Why a request is refused on arrival.

import { ServiceError } from "../../errors.ts";
import type { EngineRequest } from "../engine.ts";
import type { JobQueue } from "./job-queue.ts";
import type { Level } from "./levels.ts";
import type { QueueOptions } from "./queue-options.ts";
import { waitingRuns } from "./waiting-runs.ts";

/** The refusal of a request for which there is no room; undefined when there is. An empty queue takes a request of any size. */
export function whyFull(request: EngineRequest, level: Level, queue: JobQueue, options: QueueOptions): ServiceError | undefined {
  const { maxQueueRows } = options;
  if (queue.rows > 0 && queue.rows + request.rows > maxQueueRows) {
    return queueFull(`${queue.rows} rows are waiting; ${maxQueueRows} may (maxQueueRows).`, queue, options, {
      maxQueueRows: String(maxQueueRows),
    });
  }
  const { maxQueueRequests } = level.policy;
  if (maxQueueRequests > 0 && level.waiting >= maxQueueRequests) {
    const where = level.number === 0 ? "" : ` on level ${level.number}`;
    return queueFull(`${level.waiting} requests are waiting${where}; ${maxQueueRequests} may (max_queue_size).`, queue, options, {
      maxQueueRequests: String(maxQueueRequests),
      level: String(level.number),
    });
  }
  return undefined;
}

// Under overload there are thousands of these a second, so nothing is made anew for each of them.

/** The refusal of a request that would miss its deadline on an idle server too. */
export const HOPELESS = new ServiceError(
  "DEADLINE_EXCEEDED",
  "The model is predicted to take longer than the deadline allows, even at once.",
  { metadata: { stage: "admit", predicted: "true" }, recurs: true },
);

/** The answer to a request that waited until it could not meet its deadline any more. */
export const DROPPED = new ServiceError("DEADLINE_EXCEEDED", "The deadline is predicted to pass before the run would end.", {
  metadata: { stage: "queue", predicted: "true" },
  recurs: true,
});

/** The refusal of a request that no instance could take: every one is held by a run that does not end. */
export const STALLED = new ServiceError("MODEL_STALLED", "Every instance of the model is held by a run that does not end.", {
  retryAfterMs: 1000,
  metadata: { stage: "admit" },
  recurs: true,
});

/** The refusals of `tooBusy` by their advice: callers cannot tell apart what lies closer together. */
const TOO_BUSY = new Map<number, ServiceError>();
const FINE_MS = 100;
const COARSE_MS = 50;
const MAX_ADVICE_MS = 60_000;

/** The refusal of a request that would miss its deadline because of what goes before it. @param waitMs until its run would start. */
export function tooBusy(waitMs: number): ServiceError {
  const adviceMs = waitMs <= FINE_MS ? Math.max(1, Math.ceil(waitMs)) : Math.min(MAX_ADVICE_MS, COARSE_MS * Math.ceil(waitMs / COARSE_MS));
  let refusal = TOO_BUSY.get(adviceMs);
  if (refusal !== undefined) return refusal;
  refusal = new ServiceError("DEADLINE_UNREACHABLE", "The deadline is predicted to pass before the answer, with what waits before it.", {
    retryAfterMs: adviceMs,
    metadata: { stage: "admit", predicted: "true" },
    recurs: true,
  });
  TOO_BUSY.set(adviceMs, refusal);
  return refusal;
}

function queueFull(message: string, queue: JobQueue, options: QueueOptions, limit: Readonly<Record<string, string>>): ServiceError {
  return new ServiceError("QUEUE_FULL", message, {
    retryAfterMs: drainEstimateMs(queue, options),
    metadata: { stage: "admit", ...limit },
  });
}

/** When what waits now will have started, by the run times seen. */
function drainEstimateMs(queue: JobQueue, options: QueueOptions): number {
  const { maxBatchSize, sharesRuns, latency, instances } = options;
  const waiting = options.padding === undefined ? undefined : waitingRuns({ options, queue });
  if (waiting !== undefined) return Math.max(1, Math.ceil(waiting.ms / instances.length));
  const runs = sharesRuns ? queue.rows / maxBatchSize : queue.size;
  const rowsPerRun = sharesRuns ? maxBatchSize : Math.ceil(queue.rows / queue.size);
  return Math.max(1, Math.ceil(Math.ceil(runs / instances.length) * latency.curve("").meanMs(rowsPerRun)));
}
