// The worker threads of the process, and which of them a new session goes to.

import type { Provider } from "../../config/config.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { WorkerThread } from "./worker-thread.ts";

/** Worker threads shared by all models. */
export interface WorkerPool {
  /** Number of threads there may be. */
  readonly size: number;
  /**
   * Chooses workers for the sessions of one version: those with the fewest sessions, each at most once.
   * All WebGPU sessions share one worker, because runs that overlap on two threads crash the process; within one worker
   * create, run and release follow one another, which is the process-wide lock that provider needs.
   */
  place(count: number, provider: Provider): readonly WorkerThread[];
  /** Ends every thread when it is idle. */
  close(): Promise<void>;
}

/** Makes the pool. Threads start with their first session. */
export function createWorkerPool(options: { readonly maxWorkers: number; readonly heapMb: number; readonly logger: Logger }): WorkerPool {
  const workers = Array.from(
    { length: options.maxWorkers },
    (_, index) => new WorkerThread({ index, heapMb: options.heapMb, logger: options.logger }),
  );
  return {
    size: workers.length,
    place(count, provider) {
      const candidates = provider === "webgpu" ? workers.slice(-1) : workers;
      const chosen = candidates.toSorted((a, b) => a.sessionCount - b.sessionCount).slice(0, count);
      for (const worker of chosen) worker.sessionCount++;
      return chosen;
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.close()));
    },
  };
}
