// Which runtime a Triton configuration asks for, and what it asks of the runtime that none here does.

import type { ModelConfig } from "../../../generated/inference/model_config.ts";
import { quote } from "../../config/show.ts";
import type { ModelSettings } from "../model-settings.ts";
import type { Findings } from "./findings.ts";

/** Backend that runs ONNX models, by Triton's name and by ours. */
export const ONNX_BACKEND = "onnxruntime";

/** Triton's platform of ONNX models. */
export const ONNX_PLATFORM = "onnxruntime_onnx";

/** Backends other than ours are passed on by name: whether there is such a one is not known here. */
export function mapKind(config: ModelConfig, findings: Findings): Pick<ModelSettings, "backend" | "decoupled"> {
  const backend = mapBackend(config, findings);
  const decoupled = config.modelTransactionPolicy?.decoupled ?? false;
  if (decoupled && backend === ONNX_BACKEND) {
    findings.refuse(["model_transaction_policy", "decoupled"], "must be false: an ONNX model answers a request exactly once");
  } else if (decoupled) {
    findings.mapped(["model_transaction_policy", "decoupled"], "is on: a request is answered any number of times");
  }
  const libraries = config.modelOperations?.opLibraryFilename ?? [];
  if (libraries.length > 0) {
    findings.refuse(["model_operations", "op_library_filename"], `cannot be honoured: ${quote(libraries[0]!)} would have to be loaded`);
  }
  const agents = config.modelRepositoryAgents?.agents ?? [];
  if (agents.length > 0) {
    findings.refuse(["model_repository_agents", "agents"], `cannot be honoured: ${quote(agents[0]!.name)} would have to prepare the model`);
  }
  return { backend, decoupled };
}

function mapBackend({ platform, backend }: ModelConfig, findings: Findings): string {
  if (backend !== "" && backend !== ONNX_BACKEND) {
    findings.mapped(["backend"], `is ${quote(backend)}, where the server has a backend of that name`);
    if (platform !== "") findings.mapped(["platform"], `is ${quote(platform)}: left to the backend`);
    return backend;
  }
  if (backend !== "") findings.mapped(["backend"], "is the runtime of ONNX models");
  if (platform !== "" && platform !== ONNX_PLATFORM) {
    findings.refuse(["platform"], `must be ${quote(ONNX_PLATFORM)}, got ${quote(platform)}: only ONNX models are served`);
  } else if (platform !== "") {
    findings.mapped(["platform"], "is the runtime of ONNX models");
  }
  return ONNX_BACKEND;
}
