// What the scheduler has decided, in numbers.

import { Histogram } from "../../telemetry/instruments.ts";
import type { Distribution, SchedulingStatistics } from "../engine.ts";

/** Bounds of actual over predicted run time. */
const RATIO_BOUNDS: readonly number[] = [0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 5];

/** Bounds of the share of padding in a run. */
const PAD_BOUNDS: readonly number[] = [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75];

/** Written by assignment, read by whoever asks. */
export class SchedulingCounters {
  /** Refused on arrival: would have been late on an idle server too. */
  hopeless = 0;
  /** Refused on arrival: would be late because of what goes before. */
  tooBusy = 0;
  /** Refused on arrival: no room, or no instance that answers. */
  full = 0;
  /** Dropped when a batch was formed. */
  droppedAtDispatch = 0;
  /** Dropped from the queue when the last possible start had passed. */
  expired = 0;
  /** Let in against the prediction, to see whether it still holds. */
  explored = 0;
  /** Batches by why they left with the rows they had. */
  leftFull = 0;
  leftIdle = 0;
  leftGate = 0;
  leftCut = 0;
  /** Run times over the safe prediction. */
  readonly ratio = new Histogram(RATIO_BOUNDS);

  /** Share of padding in the runs of requests that may be padded. */
  readonly padRatio = new Histogram(PAD_BOUNDS);

  /** A copy. */
  toStatistics(isDegraded: boolean): SchedulingStatistics {
    return {
      isDegraded,
      shed: {
        hopeless: this.hopeless,
        tooBusy: this.tooBusy,
        full: this.full,
        droppedAtDispatch: this.droppedAtDispatch,
        expired: this.expired,
      },
      explored: this.explored,
      dispatches: { full: this.leftFull, idle: this.leftIdle, gate: this.leftGate, slack: this.leftCut },
      predictRatio: copyOf(this.ratio),
      padRatio: copyOf(this.padRatio),
    };
  }
}

function copyOf({ bounds, counts, sum, count }: Histogram): Distribution {
  return { bounds, counts: [...counts], sum, count };
}
