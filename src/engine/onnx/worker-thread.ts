// A worker thread seen from the main thread: one lane, the sessions placed on it, and its replacement when it dies.

import { Worker } from "node:worker_threads";
import { ServiceError } from "../../errors.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { Lane } from "../scheduler/executor.ts";
import { RunFailure } from "../scheduler/executor.ts";
import type { InputPlace, SessionInfo, SessionSpec, WorkerReply, WorkerRequest } from "./protocol.ts";
import { Slot } from "./slot.ts";

/** Batches a lane holds at most: one that runs and one that is ready to follow. */
const SLOTS = 2;

/** A slot of its own for warm-up, which does not ask the scheduler. */
const WARMUP_SLOT = SLOTS;

/** First pause before a worker that died again is replaced; doubles up to the maximum, and starts anew after a quiet minute. */
const MIN_RESPAWN_MS = 50;
const MAX_RESPAWN_MS = 10_000;
const QUIET_MS = 60_000;

/** Text of runtime errors that blame a kernel and so may come from one row's values. */
const KERNEL_FAILURE = /Non-zero status code/;

/** A run's outputs and its time. */
export type RunReply = Extract<WorkerReply, { readonly type: "ran" }>;

interface Waiting {
  readonly resolve: (reply: WorkerReply) => void;
  readonly reject: (error: Error) => void;
}

/** What a worker thread is made with. */
export interface WorkerThreadOptions {
  /** Number for logs. */
  readonly index: number;
  /** Limit of the thread's JavaScript heap in MiB; tensors lie outside of it. */
  readonly heapMb: number;
  readonly logger: Logger;
}

/** A worker thread and its successors. */
export class WorkerThread implements Lane {
  /** Sessions placed here; decides where the next one goes. */
  sessionCount = 0;
  readonly #options: WorkerThreadOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #sessions = new Map<number, SessionSpec>();
  readonly #listeners: (() => void)[] = [];
  readonly #slots: readonly Slot[];
  readonly #freeSlots: number[] = [];
  /** Sessions that could not be made again after the worker died. */
  #lost = new Set<number>();
  #worker: Worker | undefined;
  #warming = Promise.resolve();
  #available = true;
  #closing = false;
  #nextId = 0;
  #respawnMs = MIN_RESPAWN_MS;
  #diedAt = -Infinity;

  constructor(options: WorkerThreadOptions) {
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

  /** Makes a session. Rejects with the runtime's text when the file or provider is no good. */
  async create(session: number, spec: SessionSpec): Promise<SessionInfo> {
    const reply = await this.#request({ type: "create", id: this.#nextId++, session, spec });
    if (reply.type !== "created") throw new Error("A worker answered something else. This is a bug.");
    this.#sessions.set(session, spec);
    return reply.info;
  }

  /** Frees a session. */
  async release(session: number): Promise<void> {
    this.#sessions.delete(session);
    this.sessionCount--;
    await this.#request({ type: "release", id: this.#nextId++, session });
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
      return await this.#run(session, WARMUP_SLOT, outputs, fill);
    } finally {
      resolve();
    }
  }

  /** Ends the thread once it has nothing to do. Never during a run: that would abort the process. */
  async close(): Promise<void> {
    this.#closing = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    worker.postMessage({ type: "exit" } satisfies WorkerRequest);
    await exited;
  }

  async #run(session: number, index: number, outputs: readonly number[], fill: (slot: Slot) => readonly InputPlace[]): Promise<RunReply> {
    if (this.#lost.has(session)) throw workerLost();
    const slot = this.#slots[index]!;
    const inputs = fill(slot);
    const worker = this.#start();
    if (slot.takeChanged()) worker.postMessage({ type: "slot", slot: index, buffer: slot.buffer } satisfies WorkerRequest);
    const reply = await this.#request({ type: "run", id: this.#nextId++, session, slot: index, inputs, outputs });
    if (reply.type !== "ran") throw new Error("A worker answered something else. This is a bug.");
    return reply;
  }

  #request(message: WorkerRequest & { readonly id: number }): Promise<WorkerReply> {
    return new Promise((resolve, reject) => {
      const worker = this.#start();
      this.#waiting.set(message.id, { resolve, reject });
      worker.postMessage(message);
    });
  }

  #start(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const url = new URL(`./worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);
    const worker = new Worker(url, {
      name: `predictd-worker-${this.#options.index}`,
      resourceLimits: { maxOldGenerationSizeMb: this.#options.heapMb },
    });
    this.#worker = worker;
    for (const slot of this.#slots) slot.forget();
    worker.on("message", (reply: WorkerReply) => this.#receive(reply));
    worker.on("error", (error) => this.#options.logger.error({ err: error, worker: this.#options.index }, "worker failed"));
    worker.once("exit", (code) => this.#died(worker, code));
    return worker;
  }

  #receive(reply: WorkerReply): void {
    const waiting = this.#waiting.get(reply.id);
    if (waiting === undefined) return;
    this.#waiting.delete(reply.id);
    if (reply.type === "failed") waiting.reject(new RunFailure(reply.message, KERNEL_FAILURE.test(reply.message)));
    else waiting.resolve(reply);
  }

  #died(worker: Worker, exitCode: number): void {
    if (this.#worker === worker) this.#worker = undefined;
    if (this.#closing) return;
    this.#available = false;
    this.#options.logger.error({ worker: this.#options.index, exitCode, sessions: this.#sessions.size }, "worker lost; replacing it");
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(workerLost());
    const now = performance.now();
    this.#respawnMs = now - this.#diedAt > QUIET_MS ? MIN_RESPAWN_MS : Math.min(MAX_RESPAWN_MS, this.#respawnMs * 2);
    this.#diedAt = now;
    setTimeout(() => void this.#revive(), this.#respawnMs).unref();
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
    for (const listener of this.#listeners) listener();
    if (lost.size > 0) setTimeout(() => void this.#retryLost(), MAX_RESPAWN_MS).unref();
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
    if (this.#lost.size > 0) setTimeout(() => void this.#retryLost(), MAX_RESPAWN_MS).unref();
  }
}

function workerLost(): ServiceError {
  return new ServiceError("WORKER_LOST", "The worker died under the run; it is being replaced.", {
    retryAfterMs: 1000,
    metadata: { stage: "run" },
  });
}
