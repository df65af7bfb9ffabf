// The port of whatever turns the files of a model version into an engine.

import type { Execution, Provider } from "../config/config.ts";
import type { PaddingPlan } from "../tensor/padding.ts";
import type { Signature } from "../tensor/signature.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Engine } from "./engine.ts";
import type { PaddingOptions } from "./padding-options.ts";
import type { Admission, Compat, GateRule, QueuePolicies } from "./queue-policy.ts";

/** A reason why a model cannot be served, in words that callers may see: no path, no text of the runtime. */
export class ModelError extends Error {
  override readonly name = "ModelError";
}

/** What a configuration says about one input or output: notes on it, and what the file has to fit. */
export interface SpecNotes {
  /** Name in the model file. */
  readonly name: string;
  readonly description: string;
  /** Names of the columns of the last dimension; empty for none. */
  readonly columns: readonly string[];
  /** Class names; empty for none. */
  readonly labels: readonly string[];
}

/** An input or output as a configuration declares it. */
export interface DeclaredSpec {
  /** Name in the model file. */
  readonly name: string;
  readonly dtype: Signature["inputs"][number]["dtype"];
  /** Lengths as callers see them, -1 for a free one; without the rows when the model has rows. */
  readonly dims: readonly number[];
  /** The shape the file has instead of `dims`; undefined when it is the same. Without the rows, like `dims`. */
  readonly reshape: readonly number[] | undefined;
}

/** A made-up request that a configuration wants to be run before the model is ready. */
export interface WarmupSample {
  readonly name: string;
  /** Rows; 1 for a model without rows. */
  readonly rows: number;
  /** How many times. */
  readonly count: number;
  /** Shapes without the rows when the model has rows. */
  readonly inputs: readonly (Pick<Tensor, "name" | "dtype" | "shape"> & { readonly content: WarmupContent })[];
}

/** Zeros, random values, or the content of a file: elements of one row in the layout of `Tensor.bytes`. */
export type WarmupContent = { readonly kind: "zeros" | "random" } | { readonly kind: "bytes"; readonly bytes: Uint8Array };

/** How much the runtime rewrites a graph before it runs it. */
export type GraphOptimization = "disabled" | "basic" | "extended" | "all";

/** What decides how a file is served: the model's own configuration over the server's settings. */
export interface LoadOptions {
  /** Model file. */
  readonly modelPath: string;
  readonly execution: Execution;
  readonly providers: readonly Provider[];
  /** Devices of a provider that has numbered ones; at least one. */
  readonly deviceIds: readonly number[];
  /** On each device; 0: from the cores. */
  readonly instances: number;
  /** 0: from the cores. */
  readonly intraOpThreads: number;
  /** 0: the runtime's choice. Only with parallel execution. */
  readonly interOpThreads: number;
  readonly parallelExecution: boolean;
  readonly graphOptimization: GraphOptimization;
  /** Model versions that are served in all. */
  readonly modelCount: number;
  /** From the model's configuration; undefined: what the file's shape allows, up to `defaultMaxBatchSize`. */
  readonly maxBatchSize: number | undefined;
  readonly defaultMaxBatchSize: number;
  /** Whether requests of several callers may share a run. */
  readonly sharesRuns: boolean;
  /** The only sizes a run may have, in any order; batches in between are filled up with rows that nobody gets. Empty: every size. */
  readonly allowedBatchSizes: readonly number[];
  /** Sizes at which a batch stops waiting for more rows, in any order; none may be above the most rows of a run. */
  readonly preferredBatchSizes: readonly number[];
  /** Whether requests run and are answered in the order in which they were let in. */
  readonly preserveOrdering: boolean;
  /** Inputs that may be padded, so that requests of different lengths share runs; undefined: none. */
  readonly padding: PaddingOptions | undefined;
  readonly queue: QueuePolicies;
  /** `triton`: overload, queue timeouts and requests of too many rows are treated as Triton does. */
  readonly compat: Compat;
  /** Which requests are refused on arrival because of their deadline. */
  readonly admission: Admission;
  readonly maxQueueDelayMs: number;
  readonly gate: GateRule;
  readonly maxQueueRows: number;
  readonly maxQueueBytes: number;
  readonly maxBatchBytes: number;
  readonly warmupRuns: number;
  readonly warmupBudgetMs: number;
  readonly warmupDims: ReadonlyMap<string, number>;
  readonly warmupSamples: readonly WarmupSample[];
  readonly inputNotes: readonly SpecNotes[];
  readonly outputNotes: readonly SpecNotes[];
  /** Undefined: the file decides alone. */
  readonly declaredInputs: readonly DeclaredSpec[] | undefined;
  /** Undefined: the file decides alone. Outputs of the file that are not declared are not served. */
  readonly declaredOutputs: readonly DeclaredSpec[] | undefined;
  /** Called when sessions stand and trial runs begin. */
  readonly onWarming: (signature: Signature) => void;
}

/** Measured run time of one batch size at warm-up. */
export interface WarmupTiming {
  readonly rows: number;
  readonly runs: number;
  readonly meanMs: number;
  readonly p95Ms: number;
}

/** A version that answers. */
export interface LoadedModel {
  readonly engine: Engine;
  /** As callers see it. */
  readonly signature: Signature;
  /** Whether STRING elements have to be UTF-8 without NUL, because the runtime knows nothing else. */
  readonly textOnly: boolean;
  /** Most rows in one run; 0 when the model has no rows. */
  readonly maxBatchSize: number;
  /** Whether requests of several callers may share a run. */
  readonly sharesRuns: boolean;
  /** How requests of different lengths are padded to share runs; undefined where they are not. */
  readonly padding?: PaddingPlan | undefined;
  /** Whether a request of more rows may be run in parts; otherwise it is refused. */
  readonly splitsRequests: boolean;
  /** How that was decided, in words. */
  readonly batchingSource: string;
  /** Where its sessions live. */
  readonly execution: Execution;
  readonly instances: number;
  readonly intraOpThreads: number;
  readonly provider: Provider;
  /** Devices of the provider that its sessions are spread over; empty where it has no numbered ones. */
  readonly deviceIds: readonly number[];
  readonly providerNotes: readonly string[];
  readonly warnings: readonly string[];
  /** Run times by batch size, as measured at warm-up. */
  readonly warmup: readonly WarmupTiming[];
  /** Finishes what it has and frees everything. */
  close(): Promise<void>;
}

/** Loads models of one kind. */
export interface Backend {
  /** Whether its models may answer a request any number of times. */
  readonly canBeDecoupled: boolean;
  /** Loads a version. Rejects when it cannot; nothing is left behind then. */
  load(options: LoadOptions, logger: Logger): Promise<LoadedModel>;
  /** Why `load` rejected, in words for callers: no path, no text of the runtime. */
  explainFailure(error: unknown): string;
}

/** Backends by the name that a configuration gives them, e.g. `onnxruntime`. */
export type Backends = ReadonlyMap<string, Backend>;
