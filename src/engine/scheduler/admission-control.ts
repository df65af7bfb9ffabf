// Who is let in: what is predicted to be late is refused on arrival.

import type { ServiceError } from "../../errors.ts";
import type { EngineRequest } from "../engine.ts";
import { doneWhenIdle, Forecast } from "./forecast.ts";
import { findFreeLanes } from "./free-lanes.ts";
import type { LaneUser } from "./lane-state.ts";
import type { RunTimes } from "./latency-curve.ts";
import type { Level } from "./levels.ts";
import { maxRowsOf } from "./padded-length.ts";
import type { QueueState } from "./queue-state.ts";
import { rowsPerRun } from "./queue-state.ts";
import { HOPELESS, STALLED, tooBusy, whyFull } from "./refusals.ts";
import { whyTooManyJobs } from "./split.ts";
import { waitingRuns } from "./waiting-runs.ts";

/**
 * A prediction that refuses everybody is never corrected by a run. So an idle server lets one request in against it when nothing has run
 * for this long, and for so many times the predicted run: at most a hundredth of the time is spent on it.
 */
const EXPLORE_MS = 1000;
const EXPLORE_RATIO = 100;

/** Decides on arrival. */
export class AdmissionControl {
  readonly #state: QueueState;
  readonly #self: LaneUser;
  readonly #forecast = new Forecast();
  readonly #backlog = { rows: 0, rowsPerRun: 1, runMs: 0, joiningPerMs: 0, free: [] as number[] };
  #explores = false;
  #exploredAt = -Infinity;

  /** @param self whose queue it is, among the users of its lanes. */
  constructor(state: QueueState, self: LaneUser) {
    this.#state = state;
    this.#self = self;
  }

  /** Whether the request that was let in last runs although it is predicted to be late, because the prediction may be out of date. */
  get explores(): boolean {
    return this.#explores;
  }

  /** The refusal of a request that arrives now; undefined for one that is let in. */
  whyRefused(request: EngineRequest, level: Level, deadline: number, now: number): ServiceError | undefined {
    this.#explores = false;
    const { options, queue, counters, arrivalRate } = this.#state;
    arrivalRate.note(request.rows, now);
    const tooMany = whyTooManyJobs(request.rows, options.batched ? maxRowsOf(options, request) : Infinity);
    if (tooMany !== undefined) return tooMany;
    const full = whyFull(request, level, queue, options);
    if (full !== undefined) {
      counters.full++;
      return full;
    }
    return deadline === Infinity || options.admission === "off" ? undefined : this.#whyLate(request, level, deadline, now);
  }

  #whyLate(request: EngineRequest, level: Level, deadline: number, now: number): ServiceError | undefined {
    const { options, queue, counters, lanes, overhead, arrivalRate } = this.#state;
    const { admission, batched, sharesRuns, latency } = options;
    const maxRows = batched ? maxRowsOf(options, request) : request.rows;
    const due = deadline - overhead.ms;
    const curve = latency.curve(request.shapeKey);
    const isIdle = queue.rows === 0 && lanes.some((lane) => lane.isFreeFor(this.#self, now));
    if (isIdle && request.rows <= maxRows && now + curve.safeMs(request.rows) <= due) return undefined;
    const backlog = this.#backlog;
    const isHealthy = findFreeLanes(backlog.free, lanes, this.#self, deadline, now);
    if (doneWhenIdle(curve, request.rows, maxRows, backlog.free.length, now) > due) {
      if (isIdle && this.#mayExplore(curve, request.rows, now)) {
        this.#explores = true;
        this.#exploredAt = now;
        counters.explored++;
        return undefined;
      }
      counters.hopeless++;
      return HOPELESS;
    }
    backlog.rows = queue.rowsAhead(level, deadline, now);
    this.#expectRuns(curve, maxRows);
    backlog.joiningPerMs = sharesRuns ? arrivalRate.rowsPerMs / Math.max(1, queue.shapeCount) : 0;
    const forecast = this.#forecast;
    forecast.predict(curve, request.rows, maxRows, backlog, admission, now);
    if (forecast.doneAt <= due) return undefined;
    if (!isHealthy) {
      counters.full++;
      return STALLED;
    }
    counters.tooBusy++;
    return tooBusy(forecast.startsAt - now, options.compat);
  }

  /** Brings rows and time of the runs ahead up to date. */
  #expectRuns(curve: RunTimes, maxRows: number): void {
    const backlog = this.#backlog;
    if (this.#state.options.padding === undefined) {
      backlog.rowsPerRun = rowsPerRun(this.#state);
      backlog.runMs = curve.meanMs(Math.ceil(backlog.rowsPerRun));
      return;
    }
    const isStrict = this.#state.options.admission === "strict";
    const waiting = waitingRuns(this.#state, isStrict ? this.#state.arrivalRate.rowsPerMs : 0);
    backlog.rowsPerRun = waiting?.rows ?? maxRows;
    backlog.runMs = waiting === undefined ? curve.meanMs(maxRows) : waiting.ms / waiting.count;
  }

  #mayExplore(curve: RunTimes, rows: number, now: number): boolean {
    const pauseMs = Math.max(EXPLORE_MS, EXPLORE_RATIO * curve.safeMs(rows));
    return now - Math.max(curve.lastAt, this.#exploredAt) >= pauseMs;
  }
}
