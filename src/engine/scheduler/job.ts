// A piece of a request that waits for a batch or rides in one.

import type { Call } from "../../call.ts";
import type { ServiceError } from "../../errors.ts";
import type { EngineRequest } from "../engine.ts";
import { UNCOUNTED } from "./deadline-index.ts";
import type { BatchPart, OutputBlock } from "./executor.ts";
import type { Level } from "./levels.ts";

/** Input bytes of a request, with those that it is padded with. */
export function inputBytes({ inputs, padding }: EngineRequest): number {
  let bytes = 0;
  for (const { bytes: input } of inputs) bytes += input.byteLength;
  return padding === undefined ? bytes : (bytes * padding.paddedLength) / padding.length;
}

/** Rows of one request that travel together. A request larger than a batch becomes several jobs. */
export class Job implements BatchPart {
  readonly request: EngineRequest;
  readonly firstRow: number;
  readonly rows: number;
  /** Input bytes of these rows, after padding. */
  readonly bytes: number;
  /** When its caller stops waiting, on the scheduler's clock. */
  readonly deadline: number;
  /** What its level is ordered by, lowest first: the deadline, or nothing where requests go by arrival. */
  readonly urgency: number;
  /** Arrival number: decides between equal urgencies. */
  readonly arrival: number;
  /** When it was submitted, on the scheduler's clock. */
  readonly enqueuedAt: number;
  /** Jobs of equal key may share a run. */
  shapeKey: string;
  /** What counts before deadlines, lowest first: two steps for each level, the second for those that are delayed. */
  rank: number;
  /** Position in its heap; -1 when it does not wait. */
  heapIndex = -1;
  /** When starting it makes no sense any more; Infinity while nothing says so. */
  lastStart = Infinity;
  /** Position in the heap over `lastStart`; -1 when it is not there. */
  expiryIndex = -1;
  /** Where its rows are counted by deadline. */
  tick = UNCOUNTED;
  /** The request's outcome. */
  readonly pending: Pending;
  /** Its place among the jobs of the request. */
  readonly index: number;

  constructor(pending: Pending, index: number, firstRow: number, rows: number, arrival: number, now: number) {
    this.pending = pending;
    this.index = index;
    this.request = pending.request;
    this.firstRow = firstRow;
    this.rows = rows;
    this.bytes = (inputBytes(pending.request) * rows) / pending.request.rows;
    this.deadline = pending.call.deadline;
    this.urgency = pending.level.inArrivalOrder ? 0 : this.deadline;
    this.arrival = arrival;
    this.enqueuedAt = now;
    this.shapeKey = pending.request.shapeKey;
    this.rank = 2 * pending.level.number;
  }

  /** Puts it behind all of its level that are not delayed. Only while it is in no heap. */
  delay(): void {
    this.rank = 2 * this.pending.level.number + 1;
  }
}

/** What one job brought home. */
export interface JobOutcome {
  readonly blocks: readonly OutputBlock[];
  readonly batchRows: number;
  readonly queueMs: number;
  readonly batchMs: number;
  readonly runMs: number;
  readonly endedAt: number;
}

/** A submitted request until it is answered. */
export class Pending {
  readonly request: EngineRequest;
  readonly call: Call;
  readonly level: Level;
  /** Its jobs in row order. */
  jobs: readonly Job[] = [];
  /** How many of them wait. The queue counts them. */
  waiting = 0;
  /** When its run must have begun, on the scheduler's clock; Infinity without such a limit and once the run has begun. */
  startBy = Infinity;
  /** Whether it runs although it is predicted to be late, because the prediction may be out of date. */
  explores = false;
  /** True once the caller has been answered; what comes later is thrown away. */
  settled = false;
  /** Outcomes by job, in row order. */
  readonly outcomes: JobOutcome[] = [];
  missing = 0;
  readonly #resolve: (outcomes: readonly JobOutcome[]) => void;
  readonly #reject: (error: ServiceError) => void;

  constructor(
    request: EngineRequest,
    call: Call,
    level: Level,
    resolve: (outcomes: readonly JobOutcome[]) => void,
    reject: (error: ServiceError) => void,
  ) {
    this.request = request;
    this.call = call;
    this.level = level;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Notes the outcome of one job; the last one answers the caller. @returns whether it was the last. */
  deliver(job: Job, outcome: JobOutcome): boolean {
    if (this.settled) return false;
    this.outcomes[job.index] = outcome;
    if (--this.missing > 0) return false;
    this.settled = true;
    this.call.onAbort(undefined);
    this.#resolve(this.outcomes);
    return true;
  }

  /** Lifts the limit on its start: the run begins, nobody waits any more, or the limit has acted. */
  liftStartLimit(): void {
    this.startBy = Infinity;
  }

  /** Answers the caller with an error. */
  fail(error: ServiceError): void {
    if (this.settled) return;
    this.settled = true;
    this.liftStartLimit();
    this.call.onAbort(undefined);
    this.#reject(error);
  }
}
