// What the scheduler has decided, in numbers.

import { Histogram, TIME_BOUNDS_MS } from "../../telemetry/instruments.ts";
import type { Distribution, SchedulingStatistics } from "../engine.ts";

/** Bounds of actual over predicted run time. */
const RATIO_BOUNDS: readonly number[] = [0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 5];

/** Bounds of the share of padding in a run. */
const PAD_BOUNDS: readonly number[] = [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75];

/** Levels that are told apart: callers choose which ones there are, so what they cost must be bounded. */
const MAX_LEVELS = 64;

interface LevelCounters {
  onTimeCount: number;
  lateCount: number;
  readonly queueMs: Histogram;
}

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

  /** Run time of rows that nobody was waiting for any more. */
  wastedRunMs = 0;

  /** Run times by size: runs of up to 1, 2, 4, 8 … rows. */
  readonly #runMs: Histogram[] = [];
  readonly #levels: LevelCounters[] = [];

  /** Notes one run. */
  ran(rows: number, runMs: number): void {
    (this.#runMs[Math.max(0, 32 - Math.clz32(rows - 1))] ??= new Histogram(TIME_BOUNDS_MS)).record(runMs);
  }

  /** Notes an answer. @param isLate whether the deadline had passed. */
  answered(level: number, queueMs: number, isLate: boolean): void {
    const counters = (this.#levels[Math.min(level, MAX_LEVELS)] ??= {
      onTimeCount: 0,
      lateCount: 0,
      queueMs: new Histogram(TIME_BOUNDS_MS),
    });
    if (isLate) counters.lateCount++;
    else counters.onTimeCount++;
    counters.queueMs.record(queueMs);
  }

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
      // Both lists have holes, which these methods pass over.
      runs: this.#runMs.map((runMs, size) => ({ maxRows: 2 ** size, runMs: copyOf(runMs) })).filter(() => true),
      levels: this.#levels.map((counters, level) => ({ level, ...counters, queueMs: copyOf(counters.queueMs) })).filter(() => true),
      wastedRunMs: this.wastedRunMs,
    };
  }
}

function copyOf({ bounds, counts, sum, count }: Histogram): Distribution {
  return { bounds, counts: [...counts], sum, count };
}
