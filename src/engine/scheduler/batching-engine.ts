// The thin shell of one version's queue: holds jobs and timers, and acts on what the pure parts decide.

import type { Call } from "../../call.ts";
import { ServiceError } from "../../errors.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Engine, EngineRequest, EngineResult, EngineStatistics } from "../engine.ts";
import { droppedFromQueue, hopeless, stalled, tooBusy, whyFull } from "./admission.ts";
import { ArrivalRate } from "./arrival-rate.ts";
import { batchSize, DROP_HEAD } from "./batch-size.ts";
import { cutBatch, joinOutcomes } from "./deliver.ts";
import type { BatchOutcome, Lane } from "./executor.ts";
import { RunFailure } from "./executor.ts";
import { doneWhenIdle, Forecast } from "./forecast.ts";
import { Gate, opensAt } from "./gate.ts";
import type { Job, JobOutcome } from "./job.ts";
import { Pending } from "./job.ts";
import { JobQueue } from "./job-queue.ts";
import type { LaneState, LaneUser } from "./lane-state.ts";
import type { RunTimes } from "./latency-curve.ts";
import type { Level, LevelOf } from "./levels.ts";
import { createLevels } from "./levels.ts";
import type { Overhead } from "./overhead.ts";
import type { QueueOptions } from "./queue-options.ts";
import { latestStart, timeoutInForceMs } from "./queue-timeout.ts";
import type { SchedulingRules } from "./rules.ts";
import { RULES } from "./rules.ts";
import { RunStatistics } from "./run-statistics.ts";
import { SchedulingCounters } from "./scheduling-counters.ts";
import { toJobs, whyTooManyJobs } from "./split.ts";

/**
 * A full batch may be handed to a lane whose current run is shorter than this, so that the worker never waits for the hop to the
 * main thread and back. Longer runs make the hop negligible, and committing early would cost urgency.
 */
const MAX_STAGED_RUN_MS = 5;

/**
 * A run that takes so many times the 99th percentile, and at least so long, counts as hung: nothing waits for it any more. What has never
 * run may take any time.
 */
const HUNG_RATIO = 3;
const MIN_HUNG_MS = 1000;

/**
 * A prediction that refuses everybody is never corrected by a run. So an idle server lets one request in against it when nothing has run
 * for this long, and for so many times the predicted run: at most a hundredth of the time is spent on it.
 */
const EXPLORE_MS = 1000;
const EXPLORE_RATIO = 100;

/**
 * The same holds for sizes: one that looks too slow is not run any more. After so many batches that were cut one leaves whole; twice as
 * many later the next, as long as the predictions prove right.
 */
const MIN_CUTS = 32;
const MAX_CUTS = 4096;

/** A run of less than this share of the safe prediction says that it is wrong. */
const DISPROVED_SHARE = 0.85;

/** A timer may be early by this much. */
const TIMER_EARLY_MS = 1;

/** The engine of one version: requests wait in its queue, share batches and run on its lanes. */
export class BatchingEngine implements Engine, LaneUser {
  readonly #options: QueueOptions;
  readonly #rules: SchedulingRules;
  readonly #clock: Clock;
  readonly #overhead: Overhead;
  readonly #levelOf: LevelOf;
  readonly #queue: JobQueue;
  readonly #gate: Gate;
  /** Armed for the earliest last possible start of all that wait. */
  readonly #alarm: Gate;
  readonly #arrivalRate = new ArrivalRate();
  readonly #forecast = new Forecast();
  readonly #backlog = { rows: 0, rowsPerRun: 1, joiningPerMs: 0, free: [] as number[] };
  readonly #counters = new SchedulingCounters();
  readonly #runs = new RunStatistics();
  readonly #lanes: readonly LaneState[];
  #arrivals = 0;
  #reruns = 0;
  #inFlight = 0;
  #batchCount = 0;
  #rowCount = 0;
  /** Whether the request that is just being let in is one against the prediction. */
  #explores = false;
  #exploredAt = -Infinity;
  /** Batches cut since a whole one has been tried, and how many it takes until the next. */
  #cuts = 0;
  #maxCuts = MIN_CUTS;
  /** The whole batch that is being tried. */
  #trial: readonly Job[] | undefined;
  #closed = false;
  #onIdle: (() => void) | undefined;

  constructor(options: QueueOptions, clock: Clock, overhead: Overhead, laneOf: (lane: Lane) => LaneState) {
    this.#options = options;
    this.#rules = { ...RULES, ...options.rules };
    this.#clock = clock;
    this.#overhead = overhead;
    this.#levelOf = createLevels(options.queue);
    this.#queue = new JobQueue(this.#rules.guardEvery);
    this.#gate = new Gate(clock, () => this.#serve());
    this.#alarm = new Gate(clock, () => this.#expire());
    this.#lanes = options.instances.map((instance) => {
      const state = laneOf(instance.lane);
      state.users.set(this, instance);
      return state;
    });
  }

  submit(request: EngineRequest, call: Call): Promise<EngineResult> {
    call.stage = "admit";
    const now = this.#clock.now();
    const level = this.#levelOf(request.priority);
    this.#overhead.touch(now);
    this.#arrivalRate.note(request.rows, now);
    const refusal = this.#whyRefused(request, level, call.deadline, now);
    if (refusal !== undefined) return Promise.reject(refusal);
    const { outputNames } = this.#options;
    return new Promise((resolve, reject) => {
      const join = (outcomes: readonly JobOutcome[]): void => {
        try {
          resolve(joinOutcomes(outcomes, request.outputs, outputNames));
        } catch (error) {
          reject(runError(error));
        }
      };
      this.#admit(new Pending(request, call, level, join, reject), now);
    });
  }

  statistics(): EngineStatistics {
    return {
      batchCount: this.#batchCount,
      rowCount: this.#rowCount,
      queuedRows: this.#queue.rows,
      batches: this.#runs.toArray(),
      scheduling: this.#counters.toStatistics(this.#isDegraded()),
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#queue.rows > 0 || this.#inFlight > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    this.#gate.disarm();
    this.#alarm.disarm();
    for (const lane of this.#lanes) lane.users.delete(this);
  }

  aheadMs(deadline: number, now: number): number {
    if (this.#queue.rows === 0) return 0;
    const rowsPerRun = this.#rowsPerRun();
    const runMs = this.#options.latency.curve("").meanMs(Math.ceil(rowsPerRun));
    return (this.#queue.rowsUpTo(deadline, now) * runMs) / rowsPerRun / this.#lanes.length;
  }

  #isDegraded(): boolean {
    const now = this.#clock.now();
    return this.#lanes.some((lane) => lane.onProbation || lane.isHung(now));
  }

  #whyRefused(request: EngineRequest, level: Level, deadline: number, now: number): ServiceError | undefined {
    if (this.#closed) return new ServiceError("MODEL_NOT_READY", "The model version is being unloaded.", { retryAfterMs: 1000 });
    const { maxBatchSize, batched } = this.#options;
    const tooMany = whyTooManyJobs(request.rows, batched ? maxBatchSize : Infinity);
    if (tooMany !== undefined) return tooMany;
    const full = whyFull(request, level, this.#queue, this.#options);
    if (full !== undefined) {
      this.#counters.full++;
      return full;
    }
    return deadline === Infinity || this.#options.admission === "off" ? undefined : this.#whyLate(request, level, deadline, now);
  }

  /** Brings `#backlog.free` up to date. @returns whether a lane is there whose run has not hung. */
  #findFree(deadline: number, now: number): boolean {
    const { free } = this.#backlog;
    free.length = 0;
    for (const lane of this.#lanes) {
      if (lane.isHung(now)) continue;
      const at = lane.freeAt(now) + lane.othersAheadMs(this, deadline, now);
      let place = free.length;
      while (place > 0 && free[place - 1]! > at) {
        free[place] = free[place - 1]!;
        place--;
      }
      free[place] = at;
    }
    if (free.length > 0) return true;
    for (const lane of this.#lanes) free[0] = Math.min(free[0] ?? Infinity, lane.mayBeFreeAt(now));
    return false;
  }

  #whyLate(request: EngineRequest, level: Level, deadline: number, now: number): ServiceError | undefined {
    const { admission, maxBatchSize, batched, sharesRuns, latency } = this.#options;
    const maxRows = batched ? maxBatchSize : request.rows;
    const due = deadline - this.#overhead.ms;
    const curve = latency.curve(request.shapeKey);
    const isIdle = this.#queue.rows === 0 && this.#lanes.some(isFree);
    if (isIdle && request.rows <= maxRows && now + curve.safeMs(request.rows) <= due) return undefined;
    const backlog = this.#backlog;
    const isHealthy = this.#findFree(deadline, now);
    if (doneWhenIdle(curve, request.rows, maxRows, backlog.free.length, now) > due) {
      if (isIdle && this.#mayExplore(curve, request.rows, now)) {
        this.#explores = true;
        this.#exploredAt = now;
        this.#counters.explored++;
        return undefined;
      }
      this.#counters.hopeless++;
      return hopeless();
    }
    backlog.rows = this.#queue.rowsAhead(level, deadline, now);
    backlog.rowsPerRun = this.#rowsPerRun();
    backlog.joiningPerMs = sharesRuns ? this.#arrivalRate.rowsPerMs / Math.max(1, this.#queue.shapeCount) : 0;
    const forecast = this.#forecast;
    forecast.predict(curve, request.rows, maxRows, backlog, admission, now);
    if (forecast.doneAt <= due) return undefined;
    if (!isHealthy) {
      this.#counters.full++;
      return stalled();
    }
    this.#counters.tooBusy++;
    return tooBusy(forecast.startsAt - now);
  }

  /** Rows that a run takes of what waits now. */
  #rowsPerRun(): number {
    const { maxBatchSize, sharesRuns } = this.#options;
    const { rows, size, shapeCount } = this.#queue;
    if (sharesRuns) return shapeCount <= 1 ? maxBatchSize : Math.min(maxBatchSize, Math.max(1, rows / shapeCount));
    return size === 0 ? 1 : rows / size;
  }

  #mayExplore(curve: RunTimes, rows: number, now: number): boolean {
    const pauseMs = Math.max(EXPLORE_MS, EXPLORE_RATIO * curve.safeMs(rows));
    return now - Math.max(curve.lastAt, this.#exploredAt) >= pauseMs;
  }

  #admit(pending: Pending, now: number): void {
    const { request, call, level } = pending;
    const { maxBatchSize, batched } = this.#options;
    pending.explores = this.#explores;
    this.#explores = false;
    pending.startBy = latestStart(level.policy, request.queueTimeoutMs, now, call.deadline);
    pending.jobs = toJobs(pending, batched ? maxBatchSize : Infinity, this.#arrivals, now);
    this.#arrivals += pending.jobs.length;
    pending.missing = pending.jobs.length;
    for (const job of pending.jobs) this.#queue.push(job);
    call.stage = "queue";
    call.onAbort((error) => this.#drop(pending, error));
    if (pending.settled) return;
    this.#serve();
    for (const job of pending.jobs) this.#watch(job, now);
  }

  /** A job that did not start at once counts for those behind it, and its last possible start is seen. */
  #watch(job: Job, now: number): void {
    if (job.heapIndex === -1) return;
    const lastStart = this.#lastStart(job);
    this.#queue.watch(job, lastStart, now);
    if (lastStart < Infinity) this.#alarm.arm(lastStart, now);
  }

  /** When starting it makes no sense any more. */
  #lastStart({ pending, deadline, rows, request }: Job): number {
    if (deadline === Infinity || pending.explores) return pending.startBy;
    const runMs = this.#options.latency.curve(request.shapeKey).safeMs(rows);
    return Math.min(pending.startBy, deadline - this.#overhead.ms - runMs);
  }

  /** Answers those whose last possible start has passed. */
  #expire(): void {
    const now = this.#clock.now();
    for (let job = this.#queue.nextToExpire; job !== undefined; job = this.#queue.nextToExpire) {
      if (job.lastStart - now >= TIMER_EARLY_MS) {
        this.#alarm.arm(job.lastStart, now);
        return;
      }
      const { pending } = job;
      if (pending.startBy - now < TIMER_EARLY_MS) {
        this.#timeOut(pending);
        continue;
      }
      // Run times have changed since, or the first part has started and lifted the limit.
      const lastStart = this.#lastStart(job);
      if (lastStart > now) {
        this.#queue.rewatch(job, Math.max(lastStart, now + 2 * TIMER_EARLY_MS));
        continue;
      }
      this.#counters.expired++;
      this.#drop(pending, droppedFromQueue());
    }
  }

  /** The queue timeout has passed and no part of the request has started. */
  #timeOut(pending: Pending): void {
    const { policy } = pending.level;
    if (policy.onTimeout === "delay") {
      pending.liftStartLimit();
      for (const job of pending.jobs) {
        this.#queue.remove(job);
        job.delay();
        this.#queue.push(job);
        this.#watch(job, this.#clock.now());
      }
      return;
    }
    const timeoutMs = timeoutInForceMs(policy, pending.request.queueTimeoutMs);
    const error = new ServiceError("QUEUE_TIMEOUT", `The run did not start within ${timeoutMs} ms.`, {
      metadata: { stage: "queue", queueTimeoutMs: String(timeoutMs) },
    });
    this.#drop(pending, error);
  }

  /** Answers a request early: its waiting jobs leave, those that run are thrown away when they come back. */
  #drop(pending: Pending, error: ServiceError): void {
    for (const job of pending.jobs) this.#queue.remove(job);
    pending.fail(error);
    this.#settleIdle();
    if (this.#queue.nextToExpire === undefined) this.#alarm.disarm();
  }

  #serve(): void {
    for (const lane of this.#lanes) {
      if (this.#queue.rows === 0) return;
      if (lane.inFlight === 0) lane.serve();
    }
    for (const lane of this.#lanes) {
      if (this.#queue.rows === 0) return;
      if (lane.inFlight === 1) lane.serve();
    }
  }

  get waits(): boolean {
    return this.#queue.rows > 0;
  }

  ready(lane: LaneState): Job | undefined {
    const jobs = this.#queue.next();
    if (jobs === undefined) return undefined;
    const { head } = jobs;
    const { maxBatchSize, sharesRuns, maxQueueDelayMs, latency } = this.#options;
    const full = !sharesRuns || jobs.rows >= maxBatchSize;
    const fullRunMs = latency.curve(head!.request.shapeKey).meanMs(maxBatchSize);
    if (lane.inFlight > 0) return full && fullRunMs <= MAX_STAGED_RUN_MS ? head : undefined;
    if (full || maxQueueDelayMs === 0) return head;
    const opens = opensAt(jobs, maxQueueDelayMs, fullRunMs);
    const now = this.#clock.now();
    if (now >= opens) return head;
    this.#gate.arm(opens, now);
    return undefined;
  }

  dispatch(lane: LaneState): void {
    const now = this.#clock.now();
    // What is taken counts from here on: one that drops out now must not look like the last one to an engine that closes.
    this.#inFlight++;
    const jobs = this.#form(lane, now);
    if (this.#queue.nextToExpire === undefined) this.#alarm.disarm();
    if (jobs.length === 0) {
      this.#inFlight--;
      this.#settleIdle();
      return;
    }
    let rows = 0;
    const wanted = new Set<number>();
    for (const job of jobs) {
      const { pending } = job;
      pending.call.stage = "batch";
      if (pending.startBy !== Infinity) pending.liftStartLimit();
      rows += job.rows;
      for (const output of job.request.outputs) wanted.add(output);
    }
    const curve = this.#options.latency.curve(jobs[0]!.request.shapeKey);
    const safeMs = curve.safeMs(rows);
    lane.began(now, curve.meanMs(rows), safeMs === 0 ? Infinity : Math.max(MIN_HUNG_MS, HUNG_RATIO * curve.p99Ms(rows)));
    const run = lane.users.get(this)!.run(jobs, rows, [...wanted]);
    for (const job of jobs) job.pending.call.stage = "run";
    run.then(
      (outcome) => this.#onDone(lane, jobs, rows, now, safeMs, outcome),
      (error: unknown) => this.#onFailed(lane, jobs, rows, now, error),
    );
  }

  /** The jobs of the next batch; empty when everybody who could lead one has been answered. */
  #form(lane: LaneState, now: number): readonly Job[] {
    const { maxBatchSize, maxBatchBytes, sharesRuns, latency } = this.#options;
    const { efficiencyFloor, checksRiders } = this.#rules;
    const startsAt = lane.freeAt(now);
    for (let lead = this.#queue.lead(); lead !== undefined; lead = this.#queue.lead()) {
      const { shape, heap } = lead;
      const head = heap.head!;
      if (!this.#mayStart(head, now)) continue;
      const curve = latency.curve(head.request.shapeKey);
      const full = sharesRuns ? Math.max(head.rows, Math.min(shape.rows, maxBatchSize)) : head.rows;
      let rows = full;
      if (head.deadline !== Infinity && !head.pending.explores) {
        const budgetMs = head.deadline - this.#overhead.ms - startsAt;
        rows = batchSize(curve, head.rows, full, budgetMs, efficiencyFloor);
        if (rows === DROP_HEAD) {
          this.#counters.droppedAtDispatch++;
          this.#drop(head.pending, droppedFromQueue());
          continue;
        }
        if (rows < full && ++this.#cuts > this.#maxCuts) rows = full;
      }
      const taken = this.#queue.take(shape, heap, {
        rows,
        bytes: maxBatchBytes,
        jobs: sharesRuns && !lane.onProbation ? Infinity : 1,
        endsAt: checksRiders ? startsAt + curve.safeMs(rows) + this.#overhead.ms : -Infinity,
      });
      const jobs = taken.filter((job) => this.#mayStart(job, now));
      if (jobs.length === 0) continue;
      if (this.#cuts > this.#maxCuts) {
        this.#cuts = 0;
        this.#trial = jobs;
      }
      if (rows >= maxBatchSize) this.#counters.leftFull++;
      else if (rows < full) this.#counters.leftCut++;
      else if (this.#options.maxQueueDelayMs > 0) this.#counters.leftGate++;
      else this.#counters.leftIdle++;
      return jobs;
    }
    return [];
  }

  /** A late timer must let neither expired nor timed out work run. */
  #mayStart(job: Job, now: number): boolean {
    const { pending } = job;
    if (!pending.call.isAlive(now)) {
      this.#queue.remove(job);
      return false;
    }
    if (now < pending.startBy) return true;
    this.#timeOut(pending);
    return false;
  }

  #onDone(lane: LaneState, jobs: readonly Job[], rows: number, dispatchedAt: number, safeMs: number, outcome: BatchOutcome): void {
    const endedAt = this.#clock.now();
    this.#batchCount++;
    // What callers wait for is the way to the worker and back too, and the event loop's delay.
    const heldMs = Math.max(outcome.runMs, lane.ended(dispatchedAt, endedAt));
    this.#options.latency.record(rows, heldMs, endedAt, jobs[0]!.request.shapeKey);
    if (safeMs > 0) this.#counters.ratio.record(heldMs / safeMs);
    if (jobs === this.#trial) {
      this.#trial = undefined;
      this.#maxCuts = heldMs < DISPROVED_SHARE * safeMs ? MIN_CUTS / 4 : Math.min(MAX_CUTS, 2 * Math.max(MIN_CUTS, this.#maxCuts));
    }
    // The next batch first: the worker must not wait while this one's outputs are handed out.
    lane.serve();
    const cutFrom = this.#clock.now();
    // The worker has a clock of its own; the parts of the time must not be longer than the whole.
    const runMs = Math.min(outcome.runMs, endedAt - dispatchedAt);
    const batchMs = endedAt - dispatchedAt - runMs;
    let blocks;
    try {
      blocks = cutBatch(jobs, rows, outcome);
    } catch (error) {
      this.#runs.record(rows, batchMs, runMs, this.#clock.now() - cutFrom);
      this.#inFlight--;
      this.#rerun(jobs, rows, error);
      return;
    }
    this.#inFlight--;
    this.#rowCount += rows;
    for (let i = 0; i < jobs.length; i++) {
      const job = jobs[i]!;
      job.pending.call.stage = "postprocess";
      job.pending.deliver(job, {
        blocks: blocks[i]!,
        batchRows: rows,
        queueMs: dispatchedAt - job.enqueuedAt,
        batchMs,
        runMs,
        endedAt,
      });
    }
    this.#runs.record(rows, batchMs, runMs, this.#clock.now() - cutFrom);
    this.#settleIdle();
  }

  #onFailed(lane: LaneState, jobs: readonly Job[], rows: number, dispatchedAt: number, error: unknown): void {
    lane.ended(dispatchedAt, this.#clock.now());
    this.#inFlight--;
    // First what the failure does to the queue: parts of a failed request must not take the lane that has become free.
    this.#rerun(jobs, rows, error);
    lane.serve();
  }

  /** A failed batch is halved until the guilty request stands alone; its neighbours run again under their own deadlines. */
  #rerun(jobs: readonly Job[], rows: number, error: unknown): void {
    if (error instanceof ServiceError) {
      for (const job of jobs) this.#drop(job.pending, error);
      return;
    }
    this.#options.onRunFailure(error instanceof Error ? error : new Error(String(error)), rows);
    const [only] = jobs;
    if (jobs.length === 1 && only !== undefined) {
      this.#drop(only.pending, runError(error));
      return;
    }
    const half = Math.ceil(jobs.length / 2);
    for (const group of [jobs.slice(0, half), jobs.slice(half)]) {
      // A key of its own keeps strangers out of the rerun.
      const shapeKey = `${group[0]!.request.shapeKey}#${this.#reruns++}`;
      for (const job of group) {
        if (job.pending.settled) continue;
        job.shapeKey = shapeKey;
        job.pending.call.stage = "queue";
        this.#queue.push(job);
      }
    }
    this.#settleIdle();
    this.#serve();
    const now = this.#clock.now();
    for (const job of jobs) this.#watch(job, now);
  }

  #settleIdle(): void {
    if (this.#closed && this.#queue.rows === 0 && this.#inFlight === 0) this.#onIdle?.();
  }
}

function isFree({ lane, inFlight }: LaneState): boolean {
  return inFlight === 0 && lane.available;
}

function runError(failure: unknown): ServiceError {
  if (failure instanceof RunFailure && failure.dataDependent) {
    return new ServiceError("MODEL_REJECTED_INPUT", "The model failed on the values of this request.", {
      metadata: { stage: "run" },
      cause: failure,
    });
  }
  return new ServiceError("MODEL_RUN_FAILED", "The model's run failed.", { metadata: { stage: "run" }, cause: failure });
}
