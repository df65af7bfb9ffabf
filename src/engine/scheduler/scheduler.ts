// The thin shell of the scheduler: holds queues, lanes and timers, and acts on what the pure parts decide.

import type { Call } from "../../call.ts";
import { ServiceError } from "../../errors.ts";
import type { Clock } from "../../lib/clock.ts";
import { systemClock } from "../../lib/clock.ts";
import type { Engine, EngineRequest, EngineResult, EngineStatistics } from "../engine.ts";
import { cutBatch, joinOutcomes } from "./deliver.ts";
import type { BatchOutcome, Instance, Lane } from "./executor.ts";
import { RunFailure } from "./executor.ts";
import { Job, Pending } from "./job.ts";
import type { JobOutcome } from "./job.ts";
import { isMoreUrgent } from "./job-heap.ts";
import { JobQueue } from "./job-queue.ts";
import type { LatencyTable } from "./latency-table.ts";

/**
 * A full batch may be handed to a lane whose current run is shorter than this, so that the worker never waits for the hop to the
 * main thread and back. Longer runs make the hop negligible, and committing early would cost urgency.
 */
const MAX_STAGED_RUN_MS = 5;

/** What the scheduler must know of one model version. */
export interface QueueOptions {
  /** Most rows in one run; 1 when requests never share a run. */
  readonly maxBatchSize: number;
  /** Whether requests may be split and share runs. */
  readonly batched: boolean;
  /** Longest wait for a fuller batch in milliseconds; 0 for none. */
  readonly maxQueueDelayMs: number;
  /** Most rows that may wait. */
  readonly maxQueueRows: number;
  /** Input bytes up to which requests share a run. */
  readonly maxBatchBytes: number;
  /** Names of the outputs, in the signature's order. */
  readonly outputNames: readonly string[];
  /** Where the version can run. */
  readonly instances: readonly Instance[];
  /** Run times, filled at warm-up and kept up by every run. */
  readonly latency: LatencyTable;
  /** Told about every run that failed, with the runtime's own text. */
  readonly onRunFailure: (failure: Error, rows: number) => void;
}

/** Queues of all model versions over shared lanes. */
export interface Scheduler {
  /** Makes the engine of one version. */
  createEngine(options: QueueOptions): Engine;
}

/** Makes a scheduler. @param clock real time by default. */
export function createScheduler(clock: Clock = systemClock): Scheduler {
  const lanes = new Map<Lane, LaneState>();
  const laneOf = (lane: Lane): LaneState => {
    let state = lanes.get(lane);
    if (state === undefined) {
      lanes.set(lane, (state = new LaneState(lane)));
      const known = state;
      lane.onAvailable(() => known.serve());
    }
    return state;
  };
  return {
    createEngine(options) {
      return new BatchingEngine(options, clock, laneOf);
    },
  };
}

/** One lane and the engines that have an instance on it. */
class LaneState {
  readonly lane: Lane;
  readonly engines = new Map<BatchingEngine, Instance>();
  inFlight = 0;

  constructor(lane: Lane) {
    this.lane = lane;
  }

  /** Gives the lane to the most urgent work of all its engines, until there is none or the lane is busy. */
  serve(): void {
    while (this.lane.available && this.inFlight < 2) {
      let chosen: BatchingEngine | undefined;
      let chosenHead: Job | undefined;
      for (const engine of this.engines.keys()) {
        const head = engine.ready(this);
        if (head !== undefined && (chosenHead === undefined || isMoreUrgent(head, chosenHead))) {
          chosen = engine;
          chosenHead = head;
        }
      }
      if (chosen === undefined) return;
      chosen.dispatch(this);
    }
  }
}

class BatchingEngine implements Engine {
  readonly #options: QueueOptions;
  readonly #clock: Clock;
  readonly #queue = new JobQueue();
  readonly #lanes: readonly LaneState[];
  #arrivals = 0;
  #reruns = 0;
  #inFlight = 0;
  #batchCount = 0;
  #rowCount = 0;
  #closed = false;
  #onIdle: (() => void) | undefined;
  #gateAt = Infinity;
  #cancelGate: (() => void) | undefined;

  constructor(options: QueueOptions, clock: Clock, laneOf: (lane: Lane) => LaneState) {
    this.#options = options;
    this.#clock = clock;
    this.#lanes = options.instances.map((instance) => {
      const state = laneOf(instance.lane);
      state.engines.set(this, instance);
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
      this.#admit(new Pending(request, call, join, reject));
    });
  }

  statistics(): EngineStatistics {
    return { batchCount: this.#batchCount, rowCount: this.#rowCount, queuedRows: this.#queue.rows };
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#queue.rows > 0 || this.#inFlight > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    this.#cancelGate?.();
    for (const lane of this.#lanes) lane.engines.delete(this);
  }

  #admit(pending: Pending): void {
    const { request, call } = pending;
    call.stage = "admit";
    if (this.#closed) {
      pending.fail(new ServiceError("MODEL_NOT_READY", "The model version is being unloaded.", { retryAfterMs: 1000 }));
      return;
    }
    const { maxQueueRows, maxBatchSize } = this.#options;
    if (this.#queue.rows > 0 && this.#queue.rows + request.rows > maxQueueRows) {
      pending.fail(
        new ServiceError("QUEUE_FULL", `${this.#queue.rows} rows are waiting; ${maxQueueRows} may.`, {
          retryAfterMs: this.#drainEstimateMs(),
          metadata: { stage: "admit", maxQueueRows: String(maxQueueRows) },
        }),
      );
      return;
    }
    const now = this.#clock.now();
    if (request.rows <= maxBatchSize || !this.#options.batched) {
      pending.jobs = [new Job(pending, 0, 0, request.rows, this.#arrivals++, now)];
    } else {
      const jobs: Job[] = [];
      for (let first = 0; first < request.rows; first += maxBatchSize) {
        jobs.push(new Job(pending, jobs.length, first, Math.min(maxBatchSize, request.rows - first), this.#arrivals++, now));
      }
      pending.jobs = jobs;
    }
    pending.missing = pending.jobs.length;
    for (const job of pending.jobs) this.#queue.push(job);
    call.stage = "queue";
    call.onAbort((error) => this.#drop(pending, error));
    if (!pending.settled) this.#serve();
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

  /** The job that would lead a batch on this lane now; undefined when there is none or it is worth waiting. */
  ready(lane: LaneState): Job | undefined {
    const head = this.#queue.head();
    if (head === undefined) return undefined;
    const { maxBatchSize, maxQueueDelayMs, latency } = this.#options;
    const rows = this.#queue.rowsLike(head);
    const full = rows >= maxBatchSize;
    if (lane.inFlight > 0) return full && latency.meanMs(maxBatchSize) <= MAX_STAGED_RUN_MS ? head : undefined;
    if (full || maxQueueDelayMs === 0) return head;
    const latestStart = head.deadline - 2 * latency.meanMs(maxBatchSize) - 1;
    const readyAt = Math.min(this.#queue.waitingSince(head) + maxQueueDelayMs, latestStart);
    const now = this.#clock.now();
    if (now >= readyAt) return head;
    this.#armGate(readyAt, now);
    return undefined;
  }

  #armGate(at: number, now: number): void {
    if (at >= this.#gateAt) return;
    this.#cancelGate?.();
    this.#gateAt = at;
    this.#cancelGate = this.#clock.after(Math.ceil(at - now), () => {
      this.#gateAt = Infinity;
      this.#cancelGate = undefined;
      this.#serve();
    });
  }

  /** Forms a batch and hands it to the engine's instance on this lane. */
  dispatch(lane: LaneState): void {
    const now = this.#clock.now();
    const taken = this.#queue.take(this.#options.maxBatchSize, this.#options.maxBatchBytes);
    // A late timer must not let expired work run.
    const jobs = taken.filter((job) => job.pending.call.isAlive(now));
    if (jobs.length === 0) return;
    let rows = 0;
    const wanted = new Set<number>();
    for (const job of jobs) {
      job.pending.call.stage = "batch";
      rows += job.rows;
      for (const output of job.request.outputs) wanted.add(output);
    }
    lane.inFlight++;
    this.#inFlight++;
    const run = lane.engines.get(this)!.run(jobs, rows, [...wanted]);
    for (const job of jobs) job.pending.call.stage = "run";
    run.then(
      (outcome) => this.#onDone(lane, jobs, rows, now, outcome),
      (error: unknown) => this.#onFailed(lane, jobs, rows, error),
    );
  }

  #onDone(lane: LaneState, jobs: readonly Job[], rows: number, dispatchedAt: number, outcome: BatchOutcome): void {
    const endedAt = this.#clock.now();
    this.#batchCount++;
    this.#options.latency.record(rows, outcome.runMs);
    // The next batch first: the worker must not wait while this one's outputs are handed out.
    this.#free(lane);
    let blocks;
    try {
      blocks = cutBatch(jobs, rows, outcome);
    } catch (error) {
      this.#rerun(jobs, rows, error);
      return;
    }
    this.#rowCount += rows;
    const batchMs = endedAt - dispatchedAt - outcome.runMs;
    for (let i = 0; i < jobs.length; i++) {
      const job = jobs[i]!;
      job.pending.call.stage = "postprocess";
      job.pending.deliver(job, {
        blocks: blocks[i]!,
        batchRows: rows,
        queueMs: dispatchedAt - job.enqueuedAt,
        batchMs,
        runMs: outcome.runMs,
        endedAt,
      });
    }
    this.#settleIdle();
  }

  #onFailed(lane: LaneState, jobs: readonly Job[], rows: number, error: unknown): void {
    lane.inFlight--;
    this.#inFlight--;
    // First what the failure does to the queue: parts of a failed request must not take the lane that has become free.
    this.#rerun(jobs, rows, error);
    lane.serve();
  }

  #free(lane: LaneState): void {
    lane.inFlight--;
    this.#inFlight--;
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

  #drainEstimateMs(): number {
    const { maxBatchSize, latency, instances } = this.#options;
    const waves = Math.ceil(this.#queue.rows / maxBatchSize / instances.length);
    return Math.max(1, Math.ceil(waves * latency.meanMs(maxBatchSize)));
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
