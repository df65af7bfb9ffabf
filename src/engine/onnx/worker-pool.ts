// The workers of the process, and which of them a new session goes to.

import type { Execution, Provider } from "../../config/config.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { startInlineBody } from "./inline-body.ts";
import { startProcessBody } from "./process-body.ts";
import { startThreadBody } from "./thread-body.ts";
import type { StartBody } from "./worker-body.ts";
import { WorkerLane } from "./worker-lane.ts";

/** Workers of all models. */
export interface WorkerPool {
  /** Number of threads there may be. */
  readonly size: number;
  /**
   * Chooses workers for the sessions of one version.
   *
   * `thread`: those with the fewest sessions, each at most once. All WebGPU sessions share one worker, because runs that overlap on two
   * threads crash the process; within one worker create, run and release follow one another, which is the process-wide lock that
   * provider needs.
   * `process`: one for each session, shared with nobody, beside the threads.
   * `inline`: always the one on the main thread.
   */
  place(count: number, provider: Provider, execution: Execution): readonly WorkerLane[];
  /** Ends every worker when it is idle. */
  close(): Promise<void>;
}

/** What a pool is made with. */
export interface WorkerPoolOptions {
  readonly maxWorkers: number;
  /** Limit of each worker's JavaScript heap in MiB. */
  readonly heapMb: number;
  /** Longest pause before a worker that died is replaced. */
  readonly maxRespawnMs: number;
  readonly logger: Logger;
}

/** Makes the pool. Workers start with their first session. */
export function createWorkerPool({ maxWorkers, heapMb, maxRespawnMs, logger }: WorkerPoolOptions): WorkerPool {
  let made = 0;
  const lane = (startBody: (index: number) => StartBody, endsWhenEmpty: boolean): WorkerLane => {
    const index = made++;
    return new WorkerLane({ index, startBody: startBody(index), endsWhenEmpty, maxRespawnMs, logger });
  };
  const startThread =
    (index: number): StartBody =>
    (listener) =>
      startThreadBody({ index, heapMb }, listener);
  const startProcess =
    (index: number): StartBody =>
    (listener) =>
      startProcessBody({ index, heapMb, logger }, listener);
  const threads = Array.from({ length: maxWorkers }, () => lane(startThread, false));
  const inline = lane(() => startInlineBody, false);
  // A lane outlives its process: whoever comes next gets it with a process of its own.
  const processes: WorkerLane[] = [];
  const candidates = (count: number, provider: Provider, execution: Execution): readonly WorkerLane[] => {
    if (execution === "inline") return [inline];
    if (execution === "thread") return provider === "webgpu" ? threads.slice(-1) : threads;
    const free = processes.filter(({ sessionCount }) => sessionCount === 0);
    while (free.length < count) {
      const more = lane(startProcess, true);
      processes.push(more);
      free.push(more);
    }
    return free;
  };
  return {
    size: threads.length,
    place(count, provider, execution) {
      const chosen = candidates(count, provider, execution)
        .toSorted((a, b) => a.sessionCount - b.sessionCount)
        .slice(0, count);
      for (const worker of chosen) worker.sessionCount++;
      return chosen;
    },
    async close() {
      await Promise.all([...threads, inline, ...processes].map((worker) => worker.close()));
    },
  };
}
