// The thin shell of one version's queue: holds jobs and timers, and acts on what the pure parts decide.

import type { Call } from "../../call.ts";
import { ServiceError } from "../../errors.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Engine, EngineRequest, EngineResult, EngineStatistics } from "../engine.ts";
import { whyFull } from "./admission.ts";
import { cutBatch, joinOutcomes } from "./deliver.ts";
import type { BatchOutcome, Lane } from "./executor.ts";
import { RunFailure } from "./executor.ts";
import { Gate, opensAt } from "./gate.ts";
import type { Job, JobOutcome } from "./job.ts";
import { Pending } from "./job.ts";
import { JobQueue } from "./job-queue.ts";
import type { LaneState, LaneUser } from "./lane-state.ts";
import type { LevelOf } from "./levels.ts";
import { createLevels } from "./levels.ts";
import type { QueueOptions } from "./queue-options.ts";
import { latestStart, timeoutInForceMs } from "./queue-timeout.ts";
import { RunStatistics } from "./run-statistics.ts";
import { toJobs, whyTooManyJobs } from "./split.ts";

/**
 * A full batch may be handed to a lane whose current run is shorter than this, so that the worker never waits for the hop to the
 * main thread and back. Longer runs make the hop negligible, and committing early would cost urgency.
 */
const MAX_STAGED_RUN_MS = 5;

/** The engine of one version: requests wait in its queue, share batches and run on its lanes. */
export class BatchingEngine implements Engine, LaneUser {
  readonly #options: QueueOptions;
  readonly #clock: Clock;
  readonly #levelOf: LevelOf;
  readonly #queue = new JobQueue();
  readonly #gate: Gate;
  readonly #runs = new RunStatistics();
  readonly #lanes: readonly LaneState[];
  #arrivals = 0;
  #reruns = 0;
  #inFlight = 0;
  #batchCount = 0;
  #rowCount = 0;
  #closed = false;
  #onIdle: (() => void) | undefined;

  constructor(options: QueueOptions, clock: Clock, laneOf: (lane: Lane) => LaneState) {
    this.#options = options;
    this.#clock = clock;
    this.#levelOf = createLevels(options.queue);
    this.#gate = new Gate(clock, () => this.#serve());
    this.#lanes = options.instances.map((instance) => {
      const state = laneOf(instance.lane);
      state.users.set(this, instance);
      return state;
    });
  }

  submit(request: EngineRequest, call: Call): Promise<EngineResult> {
    const { outputNames } = this.#options;
    return new Promise((resolve, reject) => {
      const join = (outcomes: readonly JobOutcome[]): void => {
        try {
          resolve(joinOutcomes(outcomes, request.outputs, outputNames));
        } catch (error) {
          reject(runError(error));
        }
      };
      this.#admit(new Pending(request, call, this.#levelOf(request.priority), join, reject));
    });
  }

  statistics(): EngineStatistics {
    return {
      batchCount: this.#batchCount,
      rowCount: this.#rowCount,
      queuedRows: this.#queue.rows,
      batches: this.#runs.toArray(),
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#queue.rows > 0 || this.#inFlight > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    this.#gate.disarm();
    for (const lane of this.#lanes) lane.users.delete(this);
  }

  #admit(pending: Pending): void {
    const { request, call, level } = pending;
    call.stage = "admit";
    if (this.#closed) {
      pending.fail(new ServiceError("MODEL_NOT_READY", "The model version is being unloaded.", { retryAfterMs: 1000 }));
      return;
    }
    const { maxBatchSize, batched } = this.#options;
    const maxRows = batched ? maxBatchSize : Infinity;
    const refusal = whyTooManyJobs(pending, maxRows) ?? whyFull(pending, this.#queue, this.#options);
    if (refusal !== undefined) {
      pending.fail(refusal);
      return;
    }
    const now = this.#clock.now();
    pending.startBy = latestStart(level.policy, request.queueTimeoutMs, now, call.deadline);
    pending.jobs = toJobs(pending, maxRows, this.#arrivals, now);
    this.#arrivals += pending.jobs.length;
    pending.missing = pending.jobs.length;
    for (const job of pending.jobs) this.#queue.push(job);
    call.stage = "queue";
    call.onAbort((error) => this.#drop(pending, error));
    if (pending.settled) return;
    this.#serve();
    if (pending.startBy !== Infinity) this.#watchStart(pending, now);
  }

  /** Only a request that has a queue timeout and did not start at once has a timer. */
  #watchStart(pending: Pending, now: number): void {
    pending.cancelTimer = this.#clock.after(Math.ceil(pending.startBy - now), () => {
      const later = this.#clock.now();
      // A timer counts from the beginning of the turn it was set in, so it may be early.
      if (pending.startBy - later >= 1) this.#watchStart(pending, later);
      else this.#timeOut(pending);
    });
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
    const { maxBatchSize, sharesRuns, maxQueueDelayMs, latency } = this.#options;
    const full = !sharesRuns || jobs.rows >= maxBatchSize;
    if (lane.inFlight > 0)
      return full && latency.curve(jobs.head!.request.shapeKey).meanMs(maxBatchSize) <= MAX_STAGED_RUN_MS ? jobs.head : undefined;
    if (full || maxQueueDelayMs === 0) return jobs.head;
    const opens = opensAt(jobs, maxQueueDelayMs, latency.curve(jobs.head!.request.shapeKey).meanMs(maxBatchSize));
    const now = this.#clock.now();
    if (now >= opens) return jobs.head;
    this.#gate.arm(opens, now);
    return undefined;
  }

  dispatch(lane: LaneState): void {
    const now = this.#clock.now();
    const { maxBatchSize, maxBatchBytes, sharesRuns } = this.#options;
    const taken = this.#queue.take(maxBatchSize, maxBatchBytes, sharesRuns ? Infinity : 1);
    // What is taken counts from here on: one that drops out now must not look like the last one to an engine that closes.
    this.#inFlight++;
    const jobs = taken.filter((job) => this.#mayStart(job, now));
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
    lane.inFlight++;
    const run = lane.users.get(this)!.run(jobs, rows, [...wanted]);
    for (const job of jobs) job.pending.call.stage = "run";
    run.then(
      (outcome) => this.#onDone(lane, jobs, rows, now, outcome),
      (error: unknown) => this.#onFailed(lane, jobs, rows, error),
    );
  }

  /** A late timer must let neither expired nor timed out work run. */
  #mayStart({ pending }: Job, now: number): boolean {
    if (!pending.call.isAlive(now)) return false;
    if (now < pending.startBy) return true;
    this.#timeOut(pending);
    return false;
  }

  #onDone(lane: LaneState, jobs: readonly Job[], rows: number, dispatchedAt: number, outcome: BatchOutcome): void {
    const endedAt = this.#clock.now();
    this.#batchCount++;
    this.#options.latency.record(rows, outcome.runMs, endedAt, jobs[0]!.request.shapeKey);
    // The next batch first: the worker must not wait while this one's outputs are handed out.
    lane.inFlight--;
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

  #onFailed(lane: LaneState, jobs: readonly Job[], rows: number, error: unknown): void {
    lane.inFlight--;
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
  }

  #settleIdle(): void {
    if (this.#closed && this.#queue.rows === 0 && this.#inFlight === 0) this.#onIdle?.();
  }
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
