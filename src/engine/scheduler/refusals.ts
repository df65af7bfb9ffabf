// Why a request is refused on arrival.

import { ServiceError } from "../../errors.ts";
import type { EngineRequest } from "../engine.ts";
import type { JobQueue } from "./job-queue.ts";
import type { Level } from "./levels.ts";
import type { QueueOptions } from "./queue-options.ts";

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

/** Nothing of this is made anew for each refusal: under overload there are thousands a second. */
const HOPELESS = { metadata: { stage: "admit", predicted: "true" } };
const LATE_METADATA = { stage: "admit", predicted: "true" };
const DROPPED = { metadata: { stage: "queue", predicted: "true" } };
const STALLED = { retryAfterMs: 1000, metadata: { stage: "admit" } };

/** The refusal of a request that would miss its deadline on an idle server too. */
export function hopeless(): ServiceError {
  return new ServiceError("DEADLINE_EXCEEDED", "The model is predicted to take longer than the deadline allows, even at once.", HOPELESS);
}

/** The refusal of a request that would miss its deadline because of what goes before it. @param waitMs until its run would start. */
export function tooBusy(waitMs: number): ServiceError {
  return new ServiceError("DEADLINE_UNREACHABLE", "The deadline is predicted to pass before the answer, with what waits before it.", {
    retryAfterMs: Math.max(1, Math.ceil(waitMs)),
    metadata: LATE_METADATA,
  });
}

/** The answer to a request that waited until it could not meet its deadline any more. */
export function droppedFromQueue(): ServiceError {
  return new ServiceError("DEADLINE_EXCEEDED", "The deadline is predicted to pass before the run would end.", DROPPED);
}

/** The refusal of a request that no instance could take: every one is held by a run that does not end. */
export function stalled(): ServiceError {
  return new ServiceError("MODEL_STALLED", "Every instance of the model is held by a run that does not end.", STALLED);
}

function queueFull(message: string, queue: JobQueue, options: QueueOptions, limit: Readonly<Record<string, string>>): ServiceError {
  return new ServiceError("QUEUE_FULL", message, {
    retryAfterMs: drainEstimateMs(queue, options),
    metadata: { stage: "admit", ...limit },
  });
}

/** When what waits now will have started, by the run times seen. */
function drainEstimateMs(queue: JobQueue, { maxBatchSize, sharesRuns, latency, instances }: QueueOptions): number {
  const runs = sharesRuns ? queue.rows / maxBatchSize : queue.size;
  const rowsPerRun = sharesRuns ? maxBatchSize : Math.ceil(queue.rows / queue.size);
  return Math.max(1, Math.ceil(Math.ceil(runs / instances.length) * latency.curve("").meanMs(rowsPerRun)));
}
