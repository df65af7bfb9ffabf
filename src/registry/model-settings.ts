// What a model's own configuration says, whichever file it came from: model.yaml or config.pbtxt.

import type { ModelConfig } from "../../generated/inference/model_config.ts";
import type { Config, Execution, Provider } from "../config/config.ts";
import type { DeclaredSpec, GraphOptimization, SpecNotes } from "../engine/backend.ts";
import type { PaddingOptions } from "../engine/padding-options.ts";
import type { Admission, GateRule, QueuePolicies } from "../engine/queue-policy.ts";
import { PLAIN_QUEUE } from "../engine/queue-policy.ts";
import type { VersionPolicy } from "./version-policy.ts";

/** Where the elements of a warm-up input come from; a file lies in the model's folder `warmup`. */
export type WarmupSource = { readonly kind: "zeros" | "random" } | { readonly kind: "file"; readonly fileName: string };

/** A made-up request that is run before the model is ready; its files have not been read. */
export interface WarmupPlan {
  readonly name: string;
  readonly rows: number;
  readonly count: number;
  /** Shapes without the rows when the model has rows. */
  readonly inputs: readonly (Pick<DeclaredSpec, "name" | "dtype" | "dims"> & { readonly source: WarmupSource })[];
}

/** Settings of one model. Where a field that is also a server setting is undefined, the server's setting holds. */
export interface ModelSettings {
  /** Which file they come from, for messages. */
  readonly source: "none" | "model.yaml" | "config.pbtxt" | "load call";
  /** At most 1000 characters; "" by default. */
  readonly description: string;
  /** Whether the server is SERVING only once this model is ready; false by default. */
  readonly required: boolean;
  /** What runs the model; `onnxruntime` by default. */
  readonly backend: string;
  /** Whether the model answers a request any number of times. */
  readonly decoupled: boolean;
  /** File within a version's folder; undefined: `model.onnx`, or the only `.onnx` file there. */
  readonly modelFile: string | undefined;
  readonly versions: VersionPolicy;
  /** Most rows in one run; 0: the model has no rows. Undefined: what the file's shape allows, up to the server's setting. */
  readonly maxBatchSize: number | undefined;
  /** Whether requests of several callers may share a run; true by default. */
  readonly sharesRuns: boolean;
  /** The only sizes a run may have; batches in between are filled up. None by default: every size. */
  readonly allowedBatchSizes: readonly number[];
  /** Sizes at which a batch stops waiting for more rows; none by default. */
  readonly preferredBatchSizes: readonly number[];
  /** Whether requests run and are answered in the order in which they were let in; false by default. */
  readonly preserveOrdering: boolean;
  /** Inputs that may be padded; undefined: none. */
  readonly padding: PaddingOptions | undefined;
  readonly queue: QueuePolicies;
  readonly admission: Admission | undefined;
  readonly maxQueueDelayMs: number | undefined;
  readonly gate: GateRule | undefined;
  readonly maxQueueRows: number | undefined;
  readonly maxQueueBytes: number | undefined;
  readonly execution: Execution | undefined;
  readonly instances: number | undefined;
  readonly intraOpThreads: number | undefined;
  /** 0: the runtime's choice. */
  readonly interOpThreads: number;
  readonly parallelExecution: boolean;
  readonly graphOptimization: GraphOptimization;
  readonly executionProviders: readonly Provider[] | undefined;
  readonly deviceIds: readonly number[] | undefined;
  /** Whether instances, threads and batch size are found by a sweep where they are not given. */
  readonly tune: Config["tune"] | undefined;
  readonly tuneBudgetMs: number | undefined;
  readonly objectiveMs: number | undefined;
  /** Whether the configuration asks for a GPU, so that a run on the CPU is worth a word. */
  readonly wantsGpu: boolean;
  readonly warmupRuns: number | undefined;
  readonly warmupBudgetMs: number | undefined;
  /** Length of each free dimension during warm-up, by its symbol. */
  readonly warmupDims: ReadonlyMap<string, number>;
  readonly warmupPlans: readonly WarmupPlan[];
  readonly inputNotes: readonly SpecNotes[];
  readonly outputNotes: readonly SpecNotes[];
  /** Files with the class names of outputs, one a line, by output; in the model's folder. */
  readonly labelFiles: ReadonlyMap<string, string>;
  /** Undefined: the file decides alone. */
  readonly declaredInputs: readonly DeclaredSpec[] | undefined;
  readonly declaredOutputs: readonly DeclaredSpec[] | undefined;
  /** The Triton configuration as it was given, to be shown again; undefined without one. */
  readonly config: ModelConfig | undefined;
}

/** Of a model without any configuration: everything is read from the file, every version is served. */
export const DEFAULT_MODEL_SETTINGS: ModelSettings = Object.freeze({
  source: "none",
  description: "",
  required: false,
  backend: "onnxruntime",
  decoupled: false,
  modelFile: undefined,
  versions: Object.freeze({ kind: "all" }),
  maxBatchSize: undefined,
  sharesRuns: true,
  allowedBatchSizes: Object.freeze([]),
  preferredBatchSizes: Object.freeze([]),
  preserveOrdering: false,
  padding: undefined,
  queue: PLAIN_QUEUE,
  admission: undefined,
  maxQueueDelayMs: undefined,
  gate: undefined,
  maxQueueRows: undefined,
  maxQueueBytes: undefined,
  execution: undefined,
  instances: undefined,
  intraOpThreads: undefined,
  interOpThreads: 0,
  parallelExecution: false,
  graphOptimization: "all",
  executionProviders: undefined,
  deviceIds: undefined,
  tune: undefined,
  tuneBudgetMs: undefined,
  objectiveMs: undefined,
  wantsGpu: false,
  warmupRuns: undefined,
  warmupBudgetMs: undefined,
  warmupDims: new Map<string, number>(),
  warmupPlans: Object.freeze([]),
  inputNotes: Object.freeze([]),
  outputNotes: Object.freeze([]),
  labelFiles: new Map<string, string>(),
  declaredInputs: undefined,
  declaredOutputs: undefined,
  config: undefined,
});
