// How far the runtime rewrites the graph, as a Triton configuration has it; the rest of `optimization` is for other runtimes.

import type {
  ModelOptimizationPolicy,
  ModelOptimizationPolicy_ExecutionAccelerators_Accelerator as Accelerator,
} from "../../../generated/inference/model_config.ts";
import { ModelOptimizationPolicy_ModelPriority as Priority } from "../../../generated/inference/model_config.ts";
import { quote } from "../../config/show.ts";
import type { GraphOptimization } from "../../engine/backend.ts";
import type { Findings } from "./findings.ts";

/** What Triton's ONNX backend makes of each level; any other level is everything. */
export const LEVEL_OF: Readonly<Record<GraphOptimization, number>> = { basic: -1, all: 0, extended: 1, disabled: 2 };

/** Everything unless the configuration names a level. */
export function mapOptimization(policy: ModelOptimizationPolicy | undefined, findings: Findings): GraphOptimization {
  if (policy === undefined) return "all";
  const { cuda, executionAccelerators } = policy;
  const warn = (isGiven: boolean, path: readonly string[], text: string): void => {
    if (isGiven) findings.warn(["optimization", ...path], `is left out: ${text}`);
  };
  warn(
    policy.priority !== Priority.PRIORITY_DEFAULT,
    ["priority"],
    "the runtime has one priority; dynamic_batching.priority_levels orders requests",
  );
  warn(cuda?.graphs === true, ["cuda", "graphs"], "work on the GPU is not recorded");
  warn((cuda?.graphSpec.length ?? 0) > 0, ["cuda", "graph_spec"], "work on the GPU is not recorded");
  warn(cuda?.busyWaitEvents === true, ["cuda", "busy_wait_events"], "threads sleep while they wait");
  warn(cuda?.outputCopyStream === true, ["cuda", "output_copy_stream"], "outputs are copied in the runtime's own way");
  reportAccelerators("cpu_execution_accelerator", executionAccelerators?.cpuExecutionAccelerator ?? [], findings);
  reportAccelerators("gpu_execution_accelerator", executionAccelerators?.gpuExecutionAccelerator ?? [], findings);
  warn(policy.inputPinnedMemory !== undefined, ["input_pinned_memory"], "inputs come from memory that workers share");
  warn(policy.outputPinnedMemory !== undefined, ["output_pinned_memory"], "outputs come from memory that workers share");
  warn(policy.gatherKernelBufferThreshold !== 0, ["gather_kernel_buffer_threshold"], "batches are put together by the CPU");
  warn(policy.eagerBatching, ["eager_batching"], "a batch is put together when an instance is free");
  return policy.graph === undefined ? "all" : mapLevel(policy.graph.level, findings);
}

function mapLevel(level: number, findings: Findings): GraphOptimization {
  const path = ["optimization", "graph", "level"];
  const known = (Object.keys(LEVEL_OF) as readonly GraphOptimization[]).find((name) => LEVEL_OF[name] === level);
  if (known === undefined) findings.warn(path, `is ${level}, which is no level: everything is optimized, as in Triton`);
  else findings.mapped(path, `is graphOptimization ${known}`);
  return known ?? "all";
}

function reportAccelerators(
  list: "cpu_execution_accelerator" | "gpu_execution_accelerator",
  given: readonly Accelerator[],
  findings: Findings,
): void {
  given.forEach(({ name, parameters }, index) => {
    const path = ["optimization", "execution_accelerators", list, index];
    const isOurs = list === "gpu_execution_accelerator" && name === "cuda";
    if (isOurs) findings.mapped([...path, "name"], "is cuda: that provider acts where instance_group or the server asks for it");
    else findings.warn([...path, "name"], `is ${quote(name)}, which is left out: the plain provider runs the model`);
    for (const key of Object.keys(parameters)) {
      findings.warn(
        [...path, "parameters", key],
        `is left out: ${isOurs ? "the provider runs with its defaults" : "so is its accelerator"}`,
      );
    }
  });
}
