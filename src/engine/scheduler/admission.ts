// Whether there is room for one more request in a queue.

import { ServiceError } from "../../errors.ts";
import type { Pending } from "./job.ts";
import type { JobQueue } from "./job-queue.ts";
import type { QueueOptions } from "./queue-options.ts";

/** The refusal of a request for which there is no room; undefined when there is. An empty queue takes a request of any size. */
export function whyFull({ request, level }: Pending, queue: JobQueue, options: QueueOptions): ServiceError | undefined {
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
