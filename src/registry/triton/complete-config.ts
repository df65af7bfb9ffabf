// The configuration that callers are shown: what a model was given, completed and corrected by what really acts.

import type { ModelDynamicBatching, ModelInput, ModelOutput } from "../../../generated/inference/model_config.ts";
import {
  ModelConfig,
  ModelInput_Format,
  ModelInstanceGroup_Kind,
  ModelQueuePolicy_TimeoutAction,
} from "../../../generated/inference/model_config.ts";
import type { LoadedModel } from "../../engine/backend.ts";
import type { QueuePolicies, QueuePolicy } from "../../engine/queue-policy.ts";
import { NUMBER_BY_DTYPE } from "../../tensor/dtype.ts";
import type { TensorSpec } from "../../tensor/signature.ts";
import type { ModelSettings } from "../model-settings.ts";
import type { VersionPolicy } from "../version-policy.ts";
import { ONNX_BACKEND, ONNX_PLATFORM } from "./map-kind.ts";
import { LEVEL_OF } from "./map-optimization.ts";

/** What is known of a version that answers. */
export interface ServedModel {
  readonly name: string;
  readonly settings: ModelSettings;
  readonly loaded: Pick<LoadedModel, "signature" | "maxBatchSize" | "sharesRuns" | "instances" | "provider" | "deviceIds">;
  /** The one that acts: the model's own or the server's. */
  readonly maxQueueDelayMs: number;
  /** Name of the model file, without its folder. */
  readonly modelFile: string;
}

/**
 * The configuration of a version. `dynamic_batching` is set exactly when requests share runs, and says what decides how they wait;
 * `dims` have no rows when `max_batch_size` is above 0. Settings that do not act but that no client relies on are shown as they were given.
 */
export function completeConfig(served: ServedModel): ModelConfig {
  const { name, settings, loaded, modelFile } = served;
  const { signature, maxBatchSize, sharesRuns } = loaded;
  const given = settings.config ?? ModelConfig.create();
  return {
    ...given,
    name,
    backend: settings.backend,
    platform: settings.backend === ONNX_BACKEND ? ONNX_PLATFORM : given.platform,
    versionPolicy: { policyChoice: versionChoice(settings.versions) },
    maxBatchSize,
    input: signature.inputs.map((spec) => completeInput(spec, given, maxBatchSize > 0)),
    output: signature.outputs.map((spec) => completeOutput(spec, given, settings, maxBatchSize > 0)),
    schedulingChoice: sharesRuns && maxBatchSize > 0 ? { $case: "dynamicBatching", value: completeBatching(served) } : undefined,
    instanceGroup: [instanceGroup(given.instanceGroup[0]?.name || name, loaded)],
    defaultModelFilename: modelFile,
    optimization: completeOptimization(given, settings),
    modelTransactionPolicy: { decoupled: settings.decoupled },
    responseCache: { enable: false },
  };
}

function versionChoice(versions: VersionPolicy): NonNullable<ModelConfig["versionPolicy"]>["policyChoice"] {
  if (versions.kind === "all") return { $case: "all", value: {} };
  if (versions.kind === "latest") return { $case: "latest", value: { numVersions: versions.count } };
  return { $case: "specific", value: { versions: versions.versions.map(BigInt) } };
}

/** What input and output have in common. */
function completeTensor(spec: TensorSpec, declared: ModelInput | ModelOutput | undefined, hasRows: boolean) {
  return {
    name: spec.name,
    dataType: NUMBER_BY_DTYPE[spec.dtype] as ModelInput["dataType"], // our numbers are Triton's
    dims: spec.dims.slice(hasRows ? 1 : 0).map(({ size }) => BigInt(size)),
    reshape: declared?.reshape,
    isShapeTensor: false,
    isNonLinearFormatIo: false,
  };
}

function completeInput(spec: TensorSpec, given: ModelConfig, hasRows: boolean): ModelInput {
  const declared = given.input.find(({ name }) => name === spec.name);
  const format = declared?.format ?? ModelInput_Format.FORMAT_NONE;
  const tensor = completeTensor(spec, declared, hasRows);
  // Load tools cannot make an input without dimensions; one more of 1 is accepted where there is a single value.
  const single = tensor.dims.length === 0 ? { dims: [1n] } : {};
  // Triton knows no empty shape without rows, so a configuration that is sent back must not have one.
  const reshape = tensor.dims.length === 0 && hasRows ? { shape: [] } : tensor.reshape;
  return { ...tensor, ...single, reshape, format, allowRaggedBatch: false, optional: spec.optional === true };
}

function completeOutput(spec: TensorSpec, given: ModelConfig, { labelFiles }: ModelSettings, hasRows: boolean): ModelOutput {
  const declared = given.output.find(({ name }) => name === spec.name);
  return { ...completeTensor(spec, declared, hasRows), labelFilename: labelFiles.get(spec.name) ?? "" };
}

function completeBatching({
  settings: { queue, preferredBatchSizes, preserveOrdering },
  loaded,
  maxQueueDelayMs,
}: ServedModel): ModelDynamicBatching {
  return {
    preferredBatchSize: preferredBatchSizes.length > 0 ? [...preferredBatchSizes] : [loaded.maxBatchSize],
    maxQueueDelayMicroseconds: toMicroseconds(maxQueueDelayMs),
    preserveOrdering,
    priorityLevels: BigInt(queue.levels),
    defaultPriorityLevel: BigInt(queue.defaultLevel),
    defaultQueuePolicy: completePolicy(queue.defaultPolicy),
    priorityQueuePolicy: completePolicies(queue),
  };
}

function completePolicies({ policies }: QueuePolicies): ModelDynamicBatching["priorityQueuePolicy"] {
  return new Map([...policies].map(([level, policy]) => [BigInt(level), completePolicy(policy)]));
}

function completePolicy({ timeoutMs, onTimeout, allowOverride, maxQueueRequests }: QueuePolicy) {
  return {
    timeoutAction: ModelQueuePolicy_TimeoutAction[onTimeout === "delay" ? "DELAY" : "REJECT"],
    defaultTimeoutMicroseconds: toMicroseconds(timeoutMs),
    allowTimeoutOverride: allowOverride,
    maxQueueSize: maxQueueRequests,
  };
}

function toMicroseconds(ms: number): bigint {
  return BigInt(Math.round(ms * 1000));
}

/** `count` is on each device. What is spread unevenly is rounded up. */
function instanceGroup(name: string, { instances, provider, deviceIds }: ServedModel["loaded"]): ModelConfig["instanceGroup"][number] {
  return {
    name,
    kind: ModelInstanceGroup_Kind[provider === "cpu" ? "KIND_CPU" : "KIND_GPU"],
    count: Math.ceil(instances / Math.max(1, deviceIds.length)),
    rateLimiter: undefined,
    gpus: provider === "webgpu" ? [0] : [...deviceIds],
    secondaryDevices: [],
    profile: [],
    passive: false,
    hostPolicy: "",
  };
}

function completeOptimization({ optimization }: ModelConfig, { graphOptimization }: ModelSettings): ModelConfig["optimization"] {
  const level = LEVEL_OF[graphOptimization];
  if (optimization === undefined && level === 0) return undefined;
  const given = optimization ?? ModelConfig.fromPartial({ optimization: {} }).optimization!;
  return { ...given, graph: level === 0 ? undefined : { level } };
}
