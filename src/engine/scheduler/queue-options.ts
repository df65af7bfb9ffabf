// What the scheduler must know of one model version.

import type { Compat, GateRule, QueuePolicies } from "../queue-policy.ts";
import type { Instance } from "./executor.ts";
import type { Latency } from "./latency-model.ts";
import type { QueuePadding } from "./padded-length.ts";
import type { AdmissionRule, SchedulingRules } from "./rules.ts";

/** What the scheduler must know of one model version. */
export interface QueueOptions {
  /** Most rows in one run; 1 for a model without rows. */
  readonly maxBatchSize: number;
  /** Whether a request that is larger than a batch may be split; false: it runs as it is. */
  readonly batched: boolean;
  /** Whether requests may share a run. False: a run takes one request, or one part of a request that is larger than a batch. */
  readonly sharesRuns: boolean;
  /** The only sizes a run may have, ascending and ending with `maxBatchSize`; batches in between are filled up. Empty: every size. */
  readonly allowedBatchSizes: readonly number[];
  /** Sizes at which a batch stops waiting for more rows, and to which it is cut where that takes less time a row; ascending, may be empty. */
  readonly preferredBatchSizes: readonly number[];
  /** Whether requests run and are answered in the order in which they were let in. Only with one level. */
  readonly preserveOrdering: boolean;
  /** How requests of different lengths share runs; undefined where they do not. */
  readonly padding?: QueuePadding | undefined;
  /** Levels of priority and queue timeouts. */
  readonly queue: QueuePolicies;
  /** `triton`: its statuses for overload and queue timeouts, its rule for a request's own timeout, and no guard against starvation. */
  readonly compat: Compat;
  /** Which requests are refused on arrival because of their deadline. */
  readonly admission: AdmissionRule;
  /** What differs from the usual rules. */
  readonly rules?: Partial<SchedulingRules>;
  /** Longest wait for a fuller batch in milliseconds; 0 for none. */
  readonly maxQueueDelayMs: number;
  /** When an idle instance waits for it. */
  readonly gate: GateRule;
  /** Most rows that may wait. */
  readonly maxQueueRows: number;
  /** Most input bytes that may wait. */
  readonly maxQueueBytes: number;
  /** Input bytes up to which requests share a run. */
  readonly maxBatchBytes: number;
  /** Names of the outputs, in the signature's order. */
  readonly outputNames: readonly string[];
  /** Where the version can run. */
  readonly instances: readonly Instance[];
  /** Run times, filled at warm-up and kept up by every run. */
  readonly latency: Latency;
  /** Told about every run that failed, with the runtime's own text. */
  readonly onRunFailure: (failure: Error, rows: number) => void;
  /** Told when a run has hung, and again when it has ended after all. @param heldMs since its start. */
  readonly onHang?: (heldMs: number, isOver: boolean) => void;
}
