// The free parameters of a Triton configuration: those that Triton's ONNX backend reads, and those of nobody.

import type { ModelConfig } from "../../../generated/inference/model_config.ts";
import { SETTINGS } from "../../config/settings.ts";
import { quote } from "../../config/show.ts";
import type { ModelSettings } from "../model-settings.ts";
import type { Findings } from "./findings.ts";

const DEFAULTS_OF_PROVIDER = "the provider runs with its defaults";

/** Parameters that Triton reads for ONNX models and predictd does not, with the reason. */
const LEFT_OUT: ReadonlyMap<string, string> = new Map([
  ["enable_mem_arena", "the runtime keeps its memory arena"],
  ["enable_mem_pattern", "the runtime keeps its memory patterns"],
  ["memory.enable_memory_arena_shrinkage", "the runtime's memory arena does not shrink"],
  ["session.use_device_allocator_for_initializers", "weights lie in the memory arena"],
  ["cudnn_conv_algo_search", DEFAULTS_OF_PROVIDER],
  ["gpu_mem_limit", DEFAULTS_OF_PROVIDER],
  ["arena_extend_strategy", DEFAULTS_OF_PROVIDER],
  ["do_copy_in_default_stream", DEFAULTS_OF_PROVIDER],
  ["TRITON_BATCH_STRATEGY_PATH", "the load decides what runs together"],
]);

/** Parameters whose good value is what happens anyway. */
const DEFAULT_VALUE: ReadonlyMap<string, string> = new Map([
  ["enable_mem_arena", "1"],
  ["enable_mem_pattern", "1"],
  ["memory.enable_memory_arena_shrinkage", ""],
  ["session.use_device_allocator_for_initializers", "0"],
]);

/** Fields of the settings that parameters decide. */
type Mapped = Pick<ModelSettings, "intraOpThreads" | "interOpThreads" | "parallelExecution">;

/** A parameter that nobody reads is custom: it is shown again and does nothing. */
export function mapParameters(parameters: ModelConfig["parameters"], findings: Findings): Mapped {
  const mapped: { -readonly [K in keyof Mapped]: Mapped[K] } = { intraOpThreads: undefined, interOpThreads: 0, parallelExecution: false };
  for (const [key, { stringValue }] of Object.entries(parameters)) {
    const path = ["parameters", key];
    if (key === "intra_op_thread_count") mapped.intraOpThreads = threads(stringValue, path, findings);
    else if (key === "inter_op_thread_count") mapped.interOpThreads = threads(stringValue, path, findings) ?? 0;
    else if (key === "execution_mode") mapped.parallelExecution = isParallel(stringValue, path, findings);
    else if (DEFAULT_VALUE.get(key) === stringValue) findings.mapped(path, `is ${quote(stringValue)}, which is so anyway`);
    else if (LEFT_OUT.has(key)) findings.warn(path, `is left out: ${LEFT_OUT.get(key)}`);
    else findings.mapped(path, `is ${quote(stringValue)}, which is shown again and read by nothing`);
  }
  return mapped;
}

function threads(value: string, path: readonly string[], findings: Findings): number | undefined {
  if (!/^\s*-?\d{1,10}\s*$/.test(value)) {
    findings.refuse(path, `must be a number of threads, got ${quote(value)}`);
    return undefined;
  }
  const count = Number(value);
  const { max } = SETTINGS.intraOpThreads;
  if (count < 0) findings.warn(path, `is left out: ${count} is no number of threads`);
  else if (count > max) findings.warn(path, `is ${count}: there are at most ${max} threads`);
  else findings.mapped(path, count === 0 ? "is 0: chosen from the cores" : `is ${count} ${count === 1 ? "thread" : "threads"} a run`);
  return count < 0 ? undefined : Math.min(count, max);
}

function isParallel(value: string, path: readonly string[], findings: Findings): boolean {
  const mode = value.trim();
  if (mode === "0" || mode === "1")
    findings.mapped(path, mode === "1" ? "runs branches of the graph side by side" : "runs the graph in order");
  else findings.refuse(path, `must be 0 or 1, got ${quote(value)}`);
  return mode === "1";
}
