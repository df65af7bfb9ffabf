// The backend for ONNX files: onnxruntime sessions on workers, fed by the scheduler.

import type { Backend } from "../backend.ts";
import { explainLoadFailure } from "./load-failure.ts";
import type { OnnxRuntime } from "./load-onnx-model.ts";
import { loadOnnxModel } from "./load-onnx-model.ts";

/** The name that configurations give this backend. */
export const ONNX_BACKEND = "onnxruntime";

/** Makes the backend over workers, devices and a scheduler that all its models share. */
export function createOnnxBackend(runtime: OnnxRuntime): Backend {
  return {
    canBeDecoupled: false,
    load: (options, logger) => loadOnnxModel(options, runtime, logger),
    explainFailure: explainLoadFailure,
  };
}
