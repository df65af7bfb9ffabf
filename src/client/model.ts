// What the server tells about its models.

import type { TensorSpec } from "../tensor/signature.ts";

/** Where a version stands. States only move forward; `unknown` is one that this client does not know. */
export type ModelState = "unknown" | "loading" | "warming" | "ready" | "draining" | "unloaded" | "failed";

/** One entry of the server's model folder. */
export interface Model {
  readonly name: string;
  /** From `model.yaml`; may be "". */
  readonly description: string;
  /** Why it cannot be served at all; "" when it can. */
  readonly problem: string;
  /** Whether the server is only SERVING when this model is ready. */
  readonly required: boolean;
  /** Version that answers a request without one; "" when none is ready. */
  readonly defaultVersion: string;
  /** Highest first. */
  readonly versions: readonly ModelVersion[];
}

/** One version of a model. */
export interface ModelVersion {
  /** A decimal number. */
  readonly version: string;
  readonly state: ModelState;
  /** Why it failed, or a warning; "" when all is well. */
  readonly reason: string;
  /** Inputs in the order of the model file; empty until it has been read. */
  readonly inputs: readonly TensorSpec[];
  /** Outputs in the order of the model file; empty until it has been read. */
  readonly outputs: readonly TensorSpec[];
  /** How its requests are grouped; undefined until it has been decided. */
  readonly batching: Batching | undefined;
  /** How it is run; undefined until it has been decided. */
  readonly execution: Execution | undefined;
  /** Trial runs at load, smallest batch first. */
  readonly warmup: readonly WarmupTiming[];
  /** Counts since the version became ready. */
  readonly statistics: ModelStatistics;
}

/** How requests of a version are grouped. */
export interface Batching {
  /** Whether requests of several callers may share a run. */
  readonly enabled: boolean;
  /** Most rows in one run; 0 when the model has no batch dimension. */
  readonly maxBatchSize: number;
  /** Longest wait for a fuller batch in milliseconds. */
  readonly maxQueueDelayMs: number;
  /** Most rows that may wait. */
  readonly maxQueueRows: number;
  /** Most input bytes that may wait. */
  readonly maxQueueBytes: number;
  /** Which requests are refused on arrival because of their deadline: `strict` or `lenient`. */
  readonly admission: string;
  /** How the wait for a fuller batch is decided: `auto`, only where it saves time; `fixed`, until it is over. */
  readonly gate: string;
  /** Sizes that runs have, ascending; empty: any up to `maxBatchSize`. */
  readonly allowedBatchSizes: readonly number[];
  /** Sizes that end a wait and that batches are cut to where a row then takes less time, ascending. */
  readonly preferredBatchSizes: readonly number[];
  /** Whether requests run and are answered by arrival, whatever their deadlines. */
  readonly preserveOrdering: boolean;
  /** Lengths that requests are padded to so that they share runs, ascending; empty: only requests of equal length do. */
  readonly paddedLengths: readonly number[];
  /** Most rows times padded length of one run; 0 without padding. */
  readonly maxBatchTokens: number;
  /** How this was decided, in words. */
  readonly source: string;
}

/** How a version is run. */
export interface Execution {
  /** `thread`: in worker threads. `process`: each session in a process of its own. `inline`: on the server's main thread. */
  readonly kind: string;
  /** Sessions. */
  readonly instances: number;
  /** Threads one run may use. */
  readonly intraOpThreads: number;
  /** Execution provider, e.g. `cpu`. */
  readonly provider: string;
  /** Why providers earlier in the list were not used. */
  readonly providerNotes: readonly string[];
  /** Devices of the provider that the sessions are spread over; empty where it has no numbered ones. */
  readonly deviceIds: readonly number[];
}

/** Measured run time of one batch size. */
export interface WarmupTiming {
  readonly rows: number;
  readonly runs: number;
  readonly meanUs: number;
  readonly p95Us: number;
}

/** Counts that only grow while the version lives; `queuedRows` is a gauge. */
export interface ModelStatistics {
  readonly okCount: number;
  readonly errorCount: number;
  readonly rowCount: number;
  readonly batchCount: number;
  readonly queuedRows: number;
}

/** What the health service says. */
export type HealthStatus = "UNKNOWN" | "SERVING" | "NOT_SERVING" | "SERVICE_UNKNOWN";
