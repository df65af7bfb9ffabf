// A worker seen from the main thread: one lane, the sessions placed on it, and its replacement when it dies.

import { ServiceError } from "../../errors.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { Lane } from "../scheduler/executor.ts";
import { RunFailure } from "../scheduler/executor.ts";
import type { InputPlace, SessionInfo, SessionSpec, WorkerReply } from "./protocol.ts";
import { Slot } from "./slot.ts";
import type { BodyRequest, StartBody, WorkerBody } from "./worker-body.ts";

/** Batches a lane holds at most: one that runs and one that is ready to follow. */
const SLOTS = 2;

/** A slot of its own for warm-up, which does not ask the scheduler. */
const WARMUP_SLOT = SLOTS;

/** First pause before a worker that died is replaced; doubles up to the maximum, and starts anew after a quiet minute. */
const MIN_RESPAWN_MS = 50;
const QUIET_MS = 60_000;

/** Text of runtime errors that blame a kernel and so may come from one row's values. */
const KERNEL_FAILURE = /Non-zero status code/;

/** A run's outputs and its time. */
export type RunReply = Extract<WorkerReply, { readonly type: "ran" }>;

interface Waiting {
  readonly resolve: (reply: WorkerReply) => void;
  readonly reject: (error: Error) => void;
}

/** What a lane is made with. */
export interface WorkerLaneOptions {
  /** Number for logs. */
  readonly index: number;
  readonly startBody: StartBody;
  /** Whether its body ends with its last session, so that no process is left behind a model. */
  readonly endsWhenEmpty: boolean;
  /** Longest pause before a body that died is replaced. */
  readonly maxRespawnMs: number;
  readonly logger: Logger;
}

/** A worker and its successors. */
export class WorkerLane implements Lane {
  /** Sessions placed here; decides where the next one goes. */
  sessionCount = 0;
  readonly #options: WorkerLaneOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #sessions = new Map<number, SessionSpec>();
  readonly #listeners: (() => void)[] = [];
  /** Warm-up runs that wait for the successor. */
  readonly #revived: (() => void)[] = [];
  readonly #slots: readonly Slot[];
  readonly #freeSlots: number[] = [];
  /** Sessions that could not be made again after the worker died. */
  #lost = new Set<number>();
  #body: WorkerBody | undefined;
  #respawning: NodeJS.Timeout | undefined;
  #warming = Promise.resolve();
  #available = true;
  #closing = false;
  #nextId = 0;
  #respawnMs = MIN_RESPAWN_MS;
  #diedAt = -Infinity;

  constructor(options: WorkerLaneOptions) {
    this.#options = options;
    for (let slot = 0; slot < SLOTS; slot++) this.#freeSlots.push(slot);
    this.#slots = [...this.#freeSlots, WARMUP_SLOT].map(() => new Slot());
  }

  get available(): boolean {
    return this.#available;
  }

  onAvailable(listener: () => void): void {
    this.#listeners.push(listener);
  }

  get kill(): (() => void) | undefined {
    return this.#body?.kill;
  }

  /** Makes a session. Rejects with the runtime's text when the file or provider is no good. */
  async create(session: number, spec: SessionSpec): Promise<SessionInfo> {
    const reply = await this.#request({ type: "create", id: this.#nextId++, session, spec });
    if (reply.type !== "created") throw new Error("A worker answered something else. This is a bug.");
    this.#sessions.set(session, spec);
    return reply.info;
  }

  /** Frees a session. */
  async release(session: number): Promise<void> {
    const isHere = this.#sessions.delete(session);
    this.#lost.delete(session);
    this.sessionCount--;
    try {
      // What died or was never made has nothing to free.
      if (isHere && this.#body !== undefined) await this.#request({ type: "release", id: this.#nextId++, session });
    } finally {
      if (this.#options.endsWhenEmpty && this.sessionCount === 0) await this.#end();
    }
  }

  /**
   * Runs a session on a batch of the scheduler's.
   * @param fill copies the inputs into the slot before this returns.
   */
  async run(session: number, outputs: readonly number[], fill: (slot: Slot) => readonly InputPlace[]): Promise<RunReply> {
    const index = this.#freeSlots.pop();
    if (index === undefined) throw new Error("A lane was given more batches than it has slots. This is a bug.");
    try {
      return await this.#run(session, index, outputs, fill);
    } finally {
      this.#freeSlots.push(index);
    }
  }

  /** Runs a session for warm-up, beside what the scheduler has in flight. */
  async warm(session: number, outputs: readonly number[], fill: (slot: Slot) => readonly InputPlace[]): Promise<RunReply> {
    // Models that load at the same time share the slot, one after the other.
    const before = this.#warming;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#warming = promise;
    await before;
    try {
      // A run that killed the worker must not let the next ones fail as well.
      if (!this.#available) await new Promise<void>((revived) => this.#revived.push(revived));
      return await this.#run(session, WARMUP_SLOT, outputs, fill);
    } finally {
      resolve();
    }
  }

  /** Ends the worker once it has nothing to do. Never during a run: that would abort the process. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#end();
  }

  async #end(): Promise<void> {
    clearTimeout(this.#respawning);
    const body = this.#body;
    this.#body = undefined;
    this.#available = true;
    await body?.end();
    // One that had to be killed has not answered everything.
    if (this.#body === undefined) this.#refuseWaiting();
  }

  async #run(session: number, index: number, outputs: readonly number[], fill: (slot: Slot) => readonly InputPlace[]): Promise<RunReply> {
    if (this.#lost.has(session)) throw workerLost();
    const slot = this.#slots[index]!;
    const inputs = fill(slot);
    const reply = await this.#request({ type: "run", id: this.#nextId++, session, slot: index, inputs, outputs }, slot);
    if (reply.type !== "ran") throw new Error("A worker answered something else. This is a bug.");
    return reply;
  }

  #request(message: BodyRequest, slot?: Slot): Promise<WorkerReply> {
    return new Promise((resolve, reject) => {
      if (this.#closing) throw workerLost();
      const body = (this.#body ??= this.#start());
      this.#waiting.set(message.id, { resolve, reject });
      body.post(message, slot);
    });
  }

  #start(): WorkerBody {
    for (const slot of this.#slots) slot.forget();
    const body = this.#options.startBody({
      onReply: (reply) => this.#receive(reply),
      onError: (error) => this.#options.logger.error({ err: error, worker: this.#options.index }, "worker failed"),
      onEnd: (how) => {
        if (this.#body === body) this.#died(how);
      },
    });
    return body;
  }

  #receive(reply: WorkerReply): void {
    const waiting = this.#waiting.get(reply.id);
    if (waiting === undefined) return;
    this.#waiting.delete(reply.id);
    if (reply.type === "failed") waiting.reject(new RunFailure(reply.message, KERNEL_FAILURE.test(reply.message)));
    else waiting.resolve(reply);
  }

  #died(how: number | string): void {
    this.#body = undefined;
    this.#available = false;
    this.#options.logger.error({ worker: this.#options.index, exitCode: how, sessions: this.#sessions.size }, "worker lost; replacing it");
    this.#refuseWaiting();
    const now = performance.now();
    const { maxRespawnMs } = this.#options;
    this.#respawnMs = now - this.#diedAt > QUIET_MS ? MIN_RESPAWN_MS : Math.min(maxRespawnMs, this.#respawnMs * 2);
    this.#diedAt = now;
    this.#respawning = setTimeout(() => void this.#revive(), this.#respawnMs).unref();
  }

  #refuseWaiting(): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(workerLost());
  }

  /** Makes the sessions anew. One that fails stays lost and is tried again; the others must not wait for it. */
  async #revive(): Promise<void> {
    const lost = new Set<number>();
    for (const [session, spec] of this.#sessions) {
      try {
        await this.#request({ type: "create", id: this.#nextId++, session, spec });
      } catch (error) {
        // The worker died again: whoever saw that has begun anew.
        if (error instanceof ServiceError) return;
        this.#options.logger.error({ err: error, worker: this.#options.index }, "a model could not be loaded again");
        lost.add(session);
      }
    }
    this.#lost = lost;
    this.#options.logger.warn({ worker: this.#options.index, sessions: this.#sessions.size, lost: lost.size }, "worker replaced");
    this.#available = true;
    for (const revived of this.#revived.splice(0)) revived();
    for (const listener of this.#listeners) listener();
    if (lost.size > 0) setTimeout(() => void this.#retryLost(), this.#options.maxRespawnMs).unref();
  }

  async #retryLost(): Promise<void> {
    for (const session of this.#lost) {
      const spec = this.#sessions.get(session);
      try {
        if (spec !== undefined) await this.#request({ type: "create", id: this.#nextId++, session, spec });
        this.#lost.delete(session);
      } catch (error) {
        if (error instanceof ServiceError) return;
      }
    }
    if (this.#lost.size > 0) setTimeout(() => void this.#retryLost(), this.#options.maxRespawnMs).unref();
  }
}

function workerLost(): ServiceError {
  return new ServiceError("WORKER_LOST", "The worker died under the run; it is being replaced.", {
    retryAfterMs: 1000,
    metadata: { stage: "run" },
  });
}
