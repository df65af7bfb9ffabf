// When a request that arrives now will be done.

import type { RunTimes } from "./latency-curve.ts";
import type { AdmissionRule } from "./rules.ts";

/** What stands before a request. */
export interface Backlog {
  /** Rows that go before it. */
  readonly rows: number;
  /** Rows that waiting requests put into one run. */
  readonly rowsPerRun: number;
  /** Expected time of one of those runs, in milliseconds. */
  readonly runMs: number;
  /** Rows per millisecond that will join its batch until that starts. */
  readonly joiningPerMs: number;
  /** When lanes will be free, ascending; at least one. */
  readonly free: readonly number[];
}

/** Rows of the last part of a request, which decides when all of it is done. */
function lastPart(rows: number, maxRows: number): number {
  return rows <= maxRows ? rows : ((rows - 1) % maxRows) + 1;
}

/** When it would be done if nothing stood before it: the parts before the last one cost their mean, the last one its safe prediction. */
export function doneWhenIdle(curve: RunTimes, rows: number, maxRows: number, laneCount: number, now: number): number {
  const last = lastPart(rows, maxRows);
  if (last === rows) return now + curve.safeMs(rows);
  return now + Math.floor((rows - last) / maxRows / laneCount) * curve.meanMs(maxRows) + curve.safeMs(last);
}

/** Forecasts of one queue; the fields hold the latest one. */
export class Forecast {
  /** When the run of the last part will probably start. */
  startsAt = 0;
  /** When that run will be done. */
  doneAt = 0;

  /**
   * Runs ahead cost their mean, its own run the safe prediction: over-estimating every run of a long queue would refuse what could be
   * served. `strict` counts on its batch to fill up until it starts; `lenient` does not, and takes the mean for its own run too.
   */
  predict(curve: RunTimes, rows: number, maxRows: number, backlog: Backlog, admission: AdmissionRule, now: number): void {
    const { rowsPerRun, free } = backlog;
    const last = lastPart(rows, maxRows);
    const ahead = backlog.rows + rows - last;
    let runs = Math.floor(ahead / rowsPerRun);
    let beside = ahead - runs * rowsPerRun;
    if (beside > 0 && (rowsPerRun < maxRows || beside + last > maxRows)) {
      runs++;
      beside = 0;
    }
    const start = free[runs % free.length]! + Math.floor(runs / free.length) * backlog.runMs;
    const together = Math.ceil(beside) + last;
    this.startsAt = start;
    if (admission === "strict") {
      const joining = Math.floor(Math.max(0, start - now) * backlog.joiningPerMs);
      this.doneAt = start + curve.safeMs(Math.min(maxRows, together + joining));
    } else {
      this.doneAt = start + curve.meanMs(Math.min(maxRows, together));
    }
  }
}
