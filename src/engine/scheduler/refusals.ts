// Why a request is refused on arrival or dropped from the queue.

import { ServiceError } from "../../errors.ts";
import type { Compat } from "../queue-policy.ts";
import type { EngineRequest } from "../engine.ts";
import { inputBytes } from "./job.ts";
import type { JobQueue } from "./job-queue.ts";
import type { Level } from "./levels.ts";
import type { QueueOptions } from "./queue-options.ts";
import { waitingRuns } from "./waiting-runs.ts";

/** The refusal of a request for which there is no room; undefined when there is. An empty queue takes a request of any size. */
export function whyFull(request: EngineRequest, level: Level, queue: JobQueue, options: QueueOptions): ServiceError | undefined {
  const { maxQueueRows, maxQueueBytes } = options;
  if (queue.rows > 0 && queue.rows + request.rows > maxQueueRows) {
    return queueFull(`${queue.rows} rows are waiting; ${maxQueueRows} may (maxQueueRows).`, queue, options, {
      maxQueueRows: String(maxQueueRows),
    });
  }
  if (queue.rows > 0 && maxQueueBytes < Infinity && queue.bytes + inputBytes(request) > maxQueueBytes) {
    return queueFull(`${Math.ceil(queue.bytes)} input bytes are waiting; ${maxQueueBytes} may (maxQueueBytes).`, queue, options, {
      maxQueueBytes: String(maxQueueBytes),
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

/** What Triton says of everything that it has no room for. */
const SHED_LIKE_TRITON = "Exceeds maximum queue size";

/** The refusals of `tooBusy` by their advice: callers cannot tell apart what lies closer together. */
const TOO_BUSY = { off: new Map<number, ServiceError>(), triton: new Map<number, ServiceError>() };
const FINE_MS = 100;
const COARSE_MS = 50;
const MAX_ADVICE_MS = 60_000;

/** The refusal of a request that would miss its deadline because of what goes before it. @param waitMs until its run would start. */
export function tooBusy(waitMs: number, compat: Compat = "off"): ServiceError {
  const adviceMs = waitMs <= FINE_MS ? Math.max(1, Math.ceil(waitMs)) : Math.min(MAX_ADVICE_MS, COARSE_MS * Math.ceil(waitMs / COARSE_MS));
  const known = TOO_BUSY[compat];
  let refusal = known.get(adviceMs);
  if (refusal !== undefined) return refusal;
  const likeTriton = compat === "triton";
  const text = likeTriton ? SHED_LIKE_TRITON : "The deadline is predicted to pass before the answer, with what waits before it.";
  refusal = new ServiceError("DEADLINE_UNREACHABLE", text, {
    retryAfterMs: adviceMs,
    metadata: { stage: "admit", predicted: "true" },
    likeTriton,
    recurs: true,
  });
  known.set(adviceMs, refusal);
  return refusal;
}

/** The answer to a request whose run did not start in time. */
export function queueTimeout(timeoutMs: number, compat: Compat): ServiceError {
  const likeTriton = compat === "triton";
  return new ServiceError("QUEUE_TIMEOUT", likeTriton ? "Request timeout expired" : `The run did not start within ${timeoutMs} ms.`, {
    metadata: { stage: "queue", queueTimeoutMs: String(timeoutMs) },
    likeTriton,
  });
}

function queueFull(message: string, queue: JobQueue, options: QueueOptions, limit: Readonly<Record<string, string>>): ServiceError {
  const likeTriton = options.compat === "triton";
  return new ServiceError("QUEUE_FULL", likeTriton ? SHED_LIKE_TRITON : message, {
    retryAfterMs: drainEstimateMs(queue, options),
    metadata: { stage: "admit", ...limit },
    likeTriton,
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
