// What the registry tells the outside about its models: plain snapshots.

import type { Execution, Provider } from "../config/config.ts";
import type { WarmupTiming } from "../engine/backend.ts";
import type { BatchStatistics, SchedulingStatistics } from "../engine/engine.ts";
import type { QueueSettings } from "./queue-settings.ts";
import type { Signature } from "../tensor/signature.ts";

/** Where a version stands. States only move forward, in this order; `failed` may follow `loading` and `warming`. */
export type ModelState = "loading" | "warming" | "ready" | "draining" | "unloaded" | "failed";

/** How requests of a version wait and are grouped. */
export interface BatchingView extends QueueSettings {
  /** Whether requests of several callers may share a run. */
  readonly enabled: boolean;
  /** Most rows in one run; 0 when the model has no batch dimension. */
  readonly maxBatchSize: number;
  /** Lengths that requests are padded to, ascending; empty where only requests of equal length share runs. */
  readonly paddedLengths: readonly number[];
  /** Most rows times padded length of one run; 0 without padding. */
  readonly maxBatchTokens: number;
  /** How this was decided, in words. */
  readonly source: string;
}

/** How a version is run. */
export interface ExecutionView {
  /** Where its sessions live. */
  readonly kind: Execution;
  /** Sessions. */
  readonly instances: number;
  /** Threads one run may use. */
  readonly intraOpThreads: number;
  /** Provider the version got. */
  readonly provider: Provider;
  /** Devices of the provider that its sessions are spread over; empty where it has no numbered ones. */
  readonly deviceIds: readonly number[];
  /** Why earlier providers of the list were not used. */
  readonly providerNotes: readonly string[];
}

/**
 * Counts that only grow while the version lives; `queuedRows` is a gauge. Times are those of all answered requests together, in
 * milliseconds; every request counts the whole batch that it rode in.
 */
export interface StatisticsView {
  /** Requests answered. */
  readonly okCount: number;
  /** Requests that ended with an error, whatever its reason. */
  readonly errorCount: number;
  /** Of those, the ones that were valid. */
  readonly failCount: number;
  /** Rows answered. */
  readonly rowCount: number;
  /** When the last valid request came, in milliseconds since the epoch; 0 for never. */
  readonly lastRequestAt: number;
  /** Runs of the model, warm-up not counted. */
  readonly batchCount: number;
  readonly queuedRows: number;
  /** By the rows of the runs, smallest first. */
  readonly batches: readonly BatchStatistics[];
  /** From the complete request to the outputs. */
  readonly totalMs: number;
  /** The same, of valid requests that failed. */
  readonly failMs: number;
  readonly queueMs: number;
  readonly batchMs: number;
  readonly runMs: number;
  readonly postprocessMs: number;
  /** Of the requests answered, those whose deadline had passed by then; undefined where nobody counts. */
  readonly lateCount?: number;
  /** What the scheduler has decided, and whether the version is degraded; undefined without a scheduler. */
  readonly scheduling?: SchedulingStatistics;
}

/** One version of a model. */
export interface VersionView {
  /** Decimal number. */
  readonly version: string;
  readonly state: ModelState;
  /** Why it failed, or a warning; "" when all is well. Never holds a path. */
  readonly reason: string;
  /** Undefined until the file has been read. */
  readonly signature: Signature | undefined;
  /** Whether it may answer a request any number of times. */
  readonly decoupled: boolean;
  readonly batching: BatchingView | undefined;
  readonly execution: ExecutionView | undefined;
  readonly warmup: readonly WarmupTiming[];
  readonly statistics: StatisticsView;
}

/** One entry of the model folder. */
export interface ModelView {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  /** Why the entry cannot be served at all, e.g. a bad model.yaml; "" when it can. Never holds a path. */
  readonly problem: string;
  /** Version that answers a request without one; "" when none is ready. */
  readonly defaultVersion: string;
  /** Highest first. */
  readonly versions: readonly VersionView[];
}
