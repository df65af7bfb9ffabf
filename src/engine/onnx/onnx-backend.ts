// The backend for ONNX files: onnxruntime sessions on workers, fed by the scheduler.

import type { Backend } from "../backend.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import { explainLoadFailure } from "./load-failure.ts";
import { loadOnnxModel } from "./load-onnx-model.ts";
import type { WorkerPool } from "./worker-pool.ts";

/** The name that configurations give this backend. */
export const ONNX_BACKEND = "onnxruntime";

/** Makes the backend over workers and a scheduler that all its models share. */
export function createOnnxBackend(pool: WorkerPool, scheduler: Scheduler): Backend {
  return {
    canBeDecoupled: false,
    load: (options, logger) => loadOnnxModel(options, pool, scheduler, logger),
    explainFailure: explainLoadFailure,
  };
}
