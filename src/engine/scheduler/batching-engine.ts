// The thin shell of one version's queue: holds jobs and timers, and acts on what the pure parts decide.

import type { Call } from "../../call.ts";
import { ServiceError } from "../../errors.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Engine, EngineRequest, EngineResult, EngineStatistics } from "../engine.ts";
import type { QueuePolicies } from "../queue-policy.ts";
import { likeTriton, withoutOwnDelays } from "../queue-policy.ts";
import { AdmissionControl } from "./admission-control.ts";
import { AllowedLatency, createAllowedSizes } from "./allowed-sizes.ts";
import { ArrivalRate } from "./arrival-rate.ts";
import { BatchFormer } from "./batch-former.ts";
import { cutBatch, joinOutcomes } from "./deliver.ts";
import type { BatchOutcome, Instance } from "./executor.ts";
import { RunFailure } from "./executor.ts";
import { Expiry } from "./expiry.ts";
import { Gate } from "./gate.ts";
import type { Job, JobOutcome } from "./job.ts";
import { Pending } from "./job.ts";
import { HangWatch } from "./hang-watch.ts";
import { JobQueue } from "./job-queue.ts";
import type { LaneState, LaneUser } from "./lane-state.ts";
import type { LevelOf } from "./levels.ts";
import { createLevels } from "./levels.ts";
import type { Overhead } from "./overhead.ts";
import { longestOf, maxRowsOf, padRatioOf } from "./padded-length.ts";
import type { QueueOptions } from "./queue-options.ts";
import type { QueueState } from "./queue-state.ts";
import { rowsPerRun } from "./queue-state.ts";
import { latestStart } from "./queue-timeout.ts";
import { ReplyOrder } from "./reply-order.ts";
import { RULES, TRITON_RULES } from "./rules.ts";
import { RunStatistics } from "./run-statistics.ts";
import { SchedulingCounters } from "./scheduling-counters.ts";
import { toJobs } from "./split.ts";
import { waitingRuns } from "./waiting-runs.ts";
import { waitsUntil } from "./wait-rule.ts";

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

/** The engine of one version: requests wait in its queue, share batches and run on its lanes. */
export class BatchingEngine implements Engine, LaneUser {
  readonly #state: QueueState;
  readonly #levelOf: LevelOf;
  readonly #admission: AdmissionControl;
  readonly #expiry: Expiry;
  readonly #former: BatchFormer;
  readonly #hangs: HangWatch;
  readonly #gate: Gate;
  readonly #runs = new RunStatistics();
  readonly #replyOrder: ReplyOrder<EngineResult> | undefined;
  #arrivals = 0;
  #reruns = 0;
  #inFlight = 0;
  #batchCount = 0;
  #rowCount = 0;
  #closed = false;
  readonly #idle = Promise.withResolvers<void>();

  /** @param join gives the engine an instance's lane. */
  constructor(given: QueueOptions, clock: Clock, overhead: Overhead, join: (instance: Instance, user: LaneUser) => LaneState) {
    const isTriton = given.compat === "triton";
    const rules = { ...RULES, ...(isTriton ? TRITON_RULES : {}), ...given.rules };
    const allowedSizes = given.allowedBatchSizes.length === 0 ? undefined : createAllowedSizes(given.allowedBatchSizes);
    const options = allowedSizes === undefined ? given : { ...given, latency: new AllowedLatency(given.latency, allowedSizes) };
    const lanes = options.instances.map((instance) => join(instance, this));
    const queue = new JobQueue(rules.guardEvery);
    const state = {
      options,
      allowedSizes,
      rules,
      clock,
      overhead,
      queue,
      arrivalRate: new ArrivalRate(),
      counters: new SchedulingCounters(),
      lanes,
    };
    const drop = (pending: Pending, error: ServiceError): void => this.#drop(pending, error);
    this.#state = state;
    this.#levelOf = createLevels(policiesInForce(given), options.preserveOrdering);
    this.#replyOrder = options.preserveOrdering ? new ReplyOrder() : undefined;
    this.#admission = new AdmissionControl(state, this);
    this.#expiry = new Expiry(state, drop);
    this.#former = new BatchFormer(state, this.#expiry, drop);
    this.#hangs = new HangWatch(state, this);
    this.#gate = new Gate(clock, () => this.#serve());
  }

  submit(request: EngineRequest, call: Call): Promise<EngineResult> {
    call.stage = "admit";
    const { clock, overhead, options } = this.#state;
    const now = clock.now();
    overhead.touch(now);
    this.#hangs.look(now);
    const level = this.#levelOf(request.priority);
    const refusal = this.#closed ? closing() : this.#admission.whyRefused(request, level, call.deadline, now);
    if (refusal !== undefined) return Promise.reject(refusal);
    const { outputNames } = options;
    return new Promise((resolve, reject) => {
      const inOrder = this.#replyOrder?.enter(call, { resolve, reject });
      const answer = inOrder?.resolve ?? resolve;
      const fail = inOrder?.reject ?? reject;
      const join = (outcomes: readonly JobOutcome[]): void => {
        let result;
        try {
          result = joinOutcomes(outcomes, request.outputs, outputNames);
        } catch (error) {
          fail(runError(error));
          return;
        }
        answer(result);
      };
      this.#admit(new Pending(request, call, level, join, fail), now);
    });
  }

  statistics(): EngineStatistics {
    return {
      batchCount: this.#batchCount,
      rowCount: this.#rowCount,
      queuedRows: this.#state.queue.rows,
      batches: this.#runs.toArray(),
      scheduling: this.#state.counters.toStatistics(this.#isDegraded()),
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#state.queue.rows > 0 || this.#inFlight > 0) await this.#idle.promise;
    this.#gate.disarm();
    this.#expiry.stop();
    for (const lane of this.#state.lanes) lane.leave(this);
  }

  aheadMs(deadline: number, now: number): number {
    const { options, queue, lanes } = this.#state;
    if (queue.rows === 0) return 0;
    const waiting = options.padding === undefined ? undefined : waitingRuns(this.#state);
    const rows = waiting?.rows ?? rowsPerRun(this.#state);
    const runMs = waiting === undefined ? options.latency.curve("").meanMs(Math.ceil(rows)) : waiting.ms / waiting.count;
    return (queue.rowsUpTo(deadline, now) * runMs) / rows / lanes.length;
  }

  #isDegraded(): boolean {
    const now = this.#state.clock.now();
    return this.#state.lanes.some((lane) => lane.onProbation || lane.isHung(now));
  }

  #admit(pending: Pending, now: number): void {
    const { request, call, level } = pending;
    const { options } = this.#state;
    pending.explores = this.#admission.explores;
    pending.startBy = latestStart(level.policy, request.queueTimeoutMs, now, call.deadline);
    pending.jobs = toJobs(pending, options.batched ? maxRowsOf(options, request) : Infinity, this.#arrivals, now);
    this.#arrivals += pending.jobs.length;
    pending.missing = pending.jobs.length;
    for (const job of pending.jobs) this.#state.queue.push(job);
    call.stage = "queue";
    call.onAbort((error) => this.#drop(pending, error));
    if (pending.settled) return;
    this.#serve();
    for (const job of pending.jobs) this.#expiry.watch(job, now);
  }

  /** Answers a request early: its waiting jobs leave, those that run are thrown away when they come back. */
  #drop(pending: Pending, error: ServiceError): void {
    for (const job of pending.jobs) this.#state.queue.remove(job);
    pending.fail(error);
    this.#settleIdle();
    this.#expiry.rest();
  }

  #serve(): void {
    for (const lane of this.#state.lanes) {
      if (this.#state.queue.rows === 0) return;
      if (lane.inFlight === 0) lane.serve();
    }
    for (const lane of this.#state.lanes) {
      if (this.#state.queue.rows === 0) return;
      if (lane.inFlight === 1) lane.serve();
    }
  }

  get waits(): boolean {
    return this.#state.queue.rows > 0;
  }

  ready(lane: LaneState): Job | undefined {
    const jobs = this.#state.queue.next();
    if (jobs === undefined) return undefined;
    const { head } = jobs;
    const { options } = this.#state;
    const { sharesRuns, preferredBatchSizes, maxQueueDelayMs, latency } = options;
    const maxRows = maxRowsOf(options, head!.request);
    const full = !sharesRuns || jobs.rows >= maxRows;
    const fullRunMs = latency.curve(head!.request.shapeKey).meanMs(maxRows);
    if (lane.inFlight > 0) return full && fullRunMs <= MAX_STAGED_RUN_MS ? head : undefined;
    if (full || maxQueueDelayMs === 0 || jobs.rows >= (preferredBatchSizes[0] ?? maxRows)) return head;
    const now = this.#state.clock.now();
    const opens = waitsUntil(this.#state, jobs, lane, fullRunMs, now);
    if (now >= opens) return head;
    jobs.held = true;
    this.#gate.arm(opens, now);
    return undefined;
  }

  dispatch(lane: LaneState): void {
    const now = this.#state.clock.now();
    // What is taken counts from here on: one that drops out now must not look like the last one to an engine that closes.
    this.#inFlight++;
    const jobs = this.#former.form(lane, now);
    this.#expiry.rest();
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
    const { latency, padding } = this.#state.options;
    const longest = padding === undefined ? jobs[0]! : longestOf(jobs);
    const { shapeKey } = longest.request;
    const curve = latency.curve(shapeKey);
    const safeMs = curve.safeMs(rows);
    const hangsMs = safeMs === 0 ? Infinity : Math.max(MIN_HUNG_MS, HUNG_RATIO * curve.p99Ms(rows));
    const number = lane.began(this, now, curve.meanMs(rows), hangsMs);
    const paddedLength = longest.request.padding?.paddedLength;
    if (paddedLength !== undefined) this.#state.counters.padRatio.record(padRatioOf(jobs, rows, paddedLength));
    const run = lane.users.get(this)!.instance.run(jobs, this.#ranRows(rows), [...wanted]);
    for (const job of jobs) job.pending.call.stage = "run";
    run.then(
      (outcome) => this.#onDone(lane, number, jobs, rows, shapeKey, now, safeMs, outcome),
      (error: unknown) => this.#onFailed(lane, number, jobs, rows, now, error),
    );
  }

  /** Rows of the run of a batch: those that its jobs have, filled up where only certain sizes are allowed. */
  #ranRows(rows: number): number {
    const { allowedSizes } = this.#state;
    return allowedSizes === undefined ? rows : allowedSizes.up(rows);
  }

  #onDone(
    lane: LaneState,
    number: number,
    jobs: readonly Job[],
    rows: number,
    shapeKey: string,
    dispatchedAt: number,
    safeMs: number,
    outcome: BatchOutcome,
  ): void {
    const { latency, padding } = this.#state.options;
    const endedAt = this.#state.clock.now();
    const ranRows = this.#ranRows(rows);
    this.#batchCount++;
    // What callers wait for is the way to the worker and back too, and the event loop's delay.
    const heldMs = Math.max(outcome.runMs, lane.ended(number, dispatchedAt, endedAt));
    this.#hangs.ended(lane, heldMs);
    latency.record(ranRows, heldMs, endedAt, shapeKey);
    if (safeMs > 0) this.#state.counters.ratio.record(heldMs / safeMs);
    this.#former.trials.returned(jobs, heldMs, safeMs);
    // The next batch first: the worker must not wait while this one's outputs are handed out.
    lane.serveAfter(this);
    const cutFrom = this.#state.clock.now();
    // The worker has a clock of its own; the parts of the time must not be longer than the whole.
    const runMs = Math.min(outcome.runMs, endedAt - dispatchedAt);
    const batchMs = endedAt - dispatchedAt - runMs;
    let blocks;
    try {
      blocks = cutBatch(jobs, ranRows, outcome, padding);
    } catch (error) {
      this.#runs.record(ranRows, batchMs, runMs, this.#state.clock.now() - cutFrom);
      this.#inFlight--;
      this.#rerun(jobs, rows, error);
      return;
    }
    this.#inFlight--;
    this.#rowCount += rows;
    const { counters } = this.#state;
    counters.ran(ranRows, runMs);
    for (let i = 0; i < jobs.length; i++) {
      const job = jobs[i]!;
      const { pending } = job;
      const queueMs = dispatchedAt - job.enqueuedAt;
      const isLate = pending.settled || endedAt > job.deadline;
      if (isLate) counters.wastedRunMs += (runMs * job.rows) / ranRows;
      pending.call.stage = "postprocess";
      if (pending.deliver(job, { blocks: blocks[i]!, batchRows: rows, queueMs, batchMs, runMs, endedAt })) {
        counters.answered(pending.level.number, queueMs, isLate);
      }
    }
    this.#runs.record(ranRows, batchMs, runMs, this.#state.clock.now() - cutFrom);
    this.#settleIdle();
  }

  #onFailed(lane: LaneState, number: number, jobs: readonly Job[], rows: number, dispatchedAt: number, error: unknown): void {
    this.#hangs.ended(lane, lane.ended(number, dispatchedAt, this.#state.clock.now()));
    this.#inFlight--;
    // First what the failure does to the queue: parts of a failed request must not take the lane that has become free.
    this.#rerun(jobs, rows, error);
    lane.serveAfter(this);
  }

  /** A failed batch is halved until the guilty request stands alone; its neighbours run again under their own deadlines. */
  #rerun(jobs: readonly Job[], rows: number, error: unknown): void {
    if (error instanceof ServiceError) {
      for (const job of jobs) this.#drop(job.pending, error);
      return;
    }
    this.#state.options.onRunFailure(error instanceof Error ? error : new Error(String(error)), rows);
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
        this.#state.queue.push(job);
      }
    }
    this.#settleIdle();
    this.#serve();
    const now = this.#state.clock.now();
    for (const job of jobs) this.#expiry.watch(job, now);
  }

  #settleIdle(): void {
    if (this.#closed && this.#state.queue.rows === 0 && this.#inFlight === 0) this.#idle.resolve();
  }
}

function policiesInForce({ compat, preserveOrdering, queue }: QueueOptions): QueuePolicies {
  if (compat === "triton") return likeTriton(queue);
  return preserveOrdering ? withoutOwnDelays(queue) : queue;
}

function closing(): ServiceError {
  return new ServiceError("MODEL_NOT_READY", "The model version is being unloaded.", { retryAfterMs: 1000 });
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
