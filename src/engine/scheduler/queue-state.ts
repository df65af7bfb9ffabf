// What the parts of one version's engine share.

import type { Clock } from "../../lib/clock.ts";
import type { AllowedSizes } from "./allowed-sizes.ts";
import type { ArrivalRate } from "./arrival-rate.ts";
import type { JobQueue } from "./job-queue.ts";
import type { LaneState } from "./lane-state.ts";
import type { Overhead } from "./overhead.ts";
import type { QueueOptions } from "./queue-options.ts";
import type { SchedulingRules } from "./rules.ts";
import type { SchedulingCounters } from "./scheduling-counters.ts";

/** What the parts of one version's engine share. */
export interface QueueState {
  readonly options: QueueOptions;
  /** Undefined where a run may have any size. */
  readonly allowedSizes: AllowedSizes | undefined;
  readonly rules: SchedulingRules;
  readonly clock: Clock;
  /** What is taken off every deadline. */
  readonly overhead: Overhead;
  readonly queue: JobQueue;
  readonly arrivalRate: ArrivalRate;
  readonly counters: SchedulingCounters;
  /** Where the version can run. */
  readonly lanes: readonly LaneState[];
}

/** Rows that one run takes of what waits now. */
export function rowsPerRun({ options, queue }: QueueState): number {
  const { maxBatchSize, sharesRuns } = options;
  const { rows, size, shapeCount } = queue;
  if (sharesRuns) return shapeCount <= 1 ? maxBatchSize : Math.min(maxBatchSize, Math.max(1, rows / shapeCount));
  return size === 0 ? 1 : rows / size;
}
