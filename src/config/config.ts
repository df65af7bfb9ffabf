// The frozen configuration of one server, as every room sees it.

/** Execution providers in the order a model may try them. */
export type Provider = "cpu" | "cuda" | "webgpu";

/** Where the sessions of a model live. */
export type Execution = "thread" | "process" | "inline";

/** Settings of the whole server. Every field is one row of `settings.ts`, which holds default, range and meaning. */
export interface Config {
  readonly modelDir: string;
  readonly modelControl: "none" | "explicit";
  readonly loadModels: readonly string[];
  readonly host: string;
  readonly grpcPort: number;
  readonly defaultDeadlineMs: number;
  readonly maxDeadlineMs: number;
  readonly maxMessageBytes: number;
  readonly maxUploadBytes: number;
  readonly maxBufferedBytes: number;
  readonly maxRequestRows: number;
  readonly maxStringElements: number;
  readonly maxBatchBytes: number;
  readonly maxAdmitWaitMs: number;
  readonly maxStreamsPerConnection: number;
  readonly maxInFlightPerStream: number;
  readonly maxStreamIdleMs: number;
  readonly receiveWindowBytes: number;
  readonly streamResetBurst: number;
  readonly streamResetRate: number;
  readonly maxConnectionIdleMs: number;
  readonly maxConnectionAgeMs: number;
  readonly maxConnectionAgeGraceMs: number;
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
  readonly reflection: boolean;
  readonly drainDelayMs: number;
  readonly drainTimeoutMs: number;
  readonly execution: Execution;
  readonly maxWorkers: number;
  readonly workerHeapMb: number;
  readonly maxRespawnMs: number;
  readonly instances: number;
  readonly intraOpThreads: number;
  readonly executionProviders: readonly Provider[];
  readonly deviceIds: readonly number[];
  readonly maxCudaBatches: number;
  readonly maxCpuThreads: number;
  readonly compat: "off" | "triton";
  readonly tune: "off" | "auto";
  readonly tuneBudgetMs: number;
  readonly objectiveMs: number;
  readonly maxBatchSize: number;
  readonly admission: "strict" | "lenient";
  readonly maxQueueDelayMs: number;
  readonly gate: "auto" | "fixed";
  readonly maxQueueRows: number;
  readonly maxQueueBytes: number;
  readonly warmupRuns: number;
  readonly warmupBudgetMs: number;
  readonly logLevel: "debug" | "info" | "warn" | "error" | "silent";
  readonly logFormat: "auto" | "json" | "pretty";
  readonly logSampleRatio: number;
  readonly maxFailureLogsPerSecond: number;
  readonly traceFile: string;
}
