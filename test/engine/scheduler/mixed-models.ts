// Models of one scheduler with any mix of options, what the test does to them, and what must always hold.

import type { EngineResult } from "../../../src/engine/engine.ts";
import type { Device } from "../../../src/engine/scheduler/executor.ts";
import { createScheduler } from "../../../src/engine/scheduler/scheduler.ts";
import { ServiceError } from "../../../src/errors.ts";
import { settle } from "./fake-instance.ts";
import { createManualClock } from "./manual-clock.ts";
import { HUNG_MS, MixedLanes } from "./mixed-lanes.ts";
import type { Mix, Model } from "./mixed-model.ts";
import { latencyOf, MAX_WAITING, optionsOf } from "./mixed-model.ts";
import type { Given, Sent } from "./mixed-request.ts";
import { engineRequest, newRequest, readAnswer, TIMER_MS, whyIll } from "./mixed-request.ts";

/** Times that everything is ended and time goes on until nobody may wait any more. */
const MAX_ROUNDS = 500;

/** The models, and everything that was sent to them. */
export class MixedModels {
  readonly sent: Sent[] = [];
  readonly lanes: MixedLanes;
  readonly #clock = createManualClock();
  readonly #scheduler;
  readonly #models: readonly Model<Sent>[];
  readonly #owners = new Map<number, Sent>();
  /** Whether timers may be late. */
  #isStalled = false;
  #value = 0;

  /** @param tokens of each device. @param readMs by which time goes on whenever the scheduler reads the clock. */
  constructor(mixes: readonly Mix[], lanes: number, tokens: number, readMs: number) {
    this.#scheduler = createScheduler({
      now: () => {
        this.#clock.stall(readMs);
        return this.#clock.now();
      },
      after: (ms, callback) => this.#clock.after(ms, callback),
    });
    this.lanes = new MixedLanes(lanes, this.#clock, this.#owners);
    const gpu = { name: "gpu", tokens, outlivesHungRuns: false };
    const cpu = { name: "cpu", tokens, outlivesHungRuns: true };
    this.#models = mixes.map((mix) => this.#model(mix, { gpu, cpu, none: undefined }[mix.device]));
  }

  /** What must not have happened. */
  get problems(): readonly string[] {
    return this.lanes.problems;
  }

  /** Sends a request. */
  send(given: Given): void {
    const model = this.#models[given.model % this.#models.length]!;
    const values = Array.from({ length: given.rows }, () => (this.#value += 100));
    const sent = newRequest(model.mix, given, values, model.isClosed, this.#clock.now());
    this.sent.push(sent);
    for (const value of values) this.#owners.set(value, sent);
    model.engine.submit(engineRequest(sent), sent.call).then(
      (result) => this.#answered(model, sent, undefined, result),
      (error: unknown) => this.#answered(model, sent, error, undefined),
    );
    if (model.mix.order === "arrival") model.inOrder.push(sent);
  }

  /** The caller of one of the requests is gone. */
  cancel(request: number): void {
    const sent = this.sent[request % Math.max(1, this.sent.length)];
    if (sent === undefined || sent.answers > 0) return;
    sent.isCancelled = true;
    sent.call.cancel();
  }

  /** Time goes on; deadlines and timers act. */
  advance(ms: number): void {
    for (let i = 0; i < ms; i++) {
      this.#clock.advance(1);
      const now = this.#clock.now();
      for (const { call, answers } of this.sent) if (answers === 0 && call.deadline <= now) call.isAlive(now);
    }
    this.#isStalled = false;
  }

  /** Time goes on, but the event loop does not. */
  stall(ms: number): void {
    this.#clock.stall(ms);
    this.#isStalled = true;
  }

  /** One of the models is unloaded. Numbers above theirs mean nobody, so that some stay. */
  close(number: number): void {
    const model = this.#models[number];
    if (model === undefined || model.isClosed) return;
    model.isClosed = true;
    void model.engine.close().then(() => (model.hasClosed = true));
  }

  /** Lets everything happen that can, and looks whether all is as it must be. */
  async settle(): Promise<void> {
    await settle();
    this.#check();
  }

  /** Ends whatever runs, until nobody waits any more. */
  async drain(): Promise<void> {
    const { lanes } = this;
    const { problems } = lanes;
    for (let lane = 0; lane < lanes.count; lane++) lanes.revive(lane);
    for (let round = 0; round < MAX_ROUNDS && (round === 0 || this.#rowsWaiting() > 0 || !lanes.areIdle); round++) {
      this.advance(2 * TIMER_MS);
      await this.settle();
      for (let lane = 0; lane < lanes.count; lane++) {
        lanes.finish(lane);
        await this.settle();
      }
    }
    for (const { answers, given } of this.sent) if (answers !== 1) problems.push(`answered ${answers} times: ${JSON.stringify(given)}`);
    for (const { isClosed, hasClosed } of this.#models) if (isClosed && !hasClosed) problems.push("has not closed");
  }

  /** Every level has all its places again, and no more. */
  async fill(): Promise<void> {
    const { problems } = this.lanes;
    for (const [model, { mix, engine, isClosed }] of this.#models.entries()) {
      if (isClosed) continue;
      const one = { model, rows: 1, length: 1, priority: 0, queueTimeoutMs: 0, deadlineMs: Infinity, isPoison: false };
      do this.send({ ...one, rows: mix.maxBatchSize });
      while (engine.statistics().queuedRows === 0);
      this.cancel(this.sent.length - 1);
      const priorities = mix.order === "levels" ? [1, 2] : [0];
      for (const priority of priorities) for (let i = 0; i <= MAX_WAITING; i++) this.send({ ...one, priority });
      const { queuedRows } = engine.statistics();
      if (queuedRows !== priorities.length * MAX_WAITING) problems.push(`${queuedRows} rows wait, not as many as may`);
      for (const [request] of this.sent.entries()) this.cancel(request);
      if (engine.statistics().queuedRows !== 0) problems.push("rows wait although all callers are gone");
    }
    await this.drain();
  }

  /** What is still held when everybody has been answered and every model unloaded. */
  async leftovers(): Promise<readonly string[]> {
    for (const [number] of this.#models.entries()) this.close(number);
    await settle();
    // An alarm that was set for runs that have ended may still go off once.
    this.advance(HUNG_MS + TIMER_MS);
    const { lanes, devices } = this.#scheduler.statistics();
    const left = [];
    if (this.#models.some(({ hasClosed }) => !hasClosed)) left.push("a model that does not close");
    if (this.#rowsWaiting() !== 0) left.push("rows");
    if (lanes.some(({ inFlight }) => inFlight !== 0)) left.push("batches in flight");
    if (devices.some(({ tokensInFlight }) => tokensInFlight !== 0)) left.push("tokens");
    if (this.#clock.timerCount !== 0) left.push("timers");
    return left;
  }

  #model(mix: Mix, device: Device | undefined): Model<Sent> {
    const laneNumbers = Array.from({ length: this.lanes.count }, (_, lane) => lane).filter((lane) => (mix.lanes >> lane) & 1);
    const instances = laneNumbers.map((lane) => this.lanes.instance(lane, () => model, device, mix.tokens));
    const latency = latencyOf(mix, this.#clock.now());
    const engine = this.#scheduler.createEngine(optionsOf(mix, instances, latency));
    const tokens = Math.min(mix.tokens, device?.tokens ?? mix.tokens);
    const model: Model<Sent> = { mix, engine, device, latency, tokens, laneNumbers, isClosed: false, hasClosed: false, inOrder: [] };
    return model;
  }

  #answered({ inOrder }: Model<Sent>, sent: Sent, error: unknown, result: EngineResult | undefined): void {
    sent.answers++;
    sent.call.finish();
    if (result !== undefined) sent.rows = readAnswer(sent, result);
    else sent.reason = error instanceof ServiceError ? error.reason : String(error);
    const place = inOrder.indexOf(sent);
    if (place === -1) return;
    // Whoever is refused on arrival or gone takes no place.
    const isRefused = error instanceof ServiceError && (error.metadata["stage"] === "admit" || sent.isAfterClose);
    if (place > 0 && !isRefused && !sent.call.isAborted) this.lanes.problems.push("answered before somebody who came earlier");
    inOrder.splice(place, 1);
  }

  #check(): void {
    const { problems } = this.lanes;
    for (const { name, tokensInFlight } of this.#scheduler.statistics().devices) {
      const { inFlight } = this.lanes.tokensOn(name);
      if (inFlight !== tokensInFlight) problems.push(`${tokensInFlight} tokens of ${name} are in flight, not ${inFlight}`);
    }
    if (this.#isStalled) return;
    const now = this.#clock.now();
    for (const sent of this.sent) {
      const why = whyIll(sent, now);
      if (why !== undefined) problems.push(why);
    }
    for (const model of this.#models) this.#checkBusy(model, now);
  }

  #checkBusy(model: Model<Sent>, now: number): void {
    const { engine, mix } = model;
    if (engine.statistics().queuedRows === 0 || !this.lanes.idleBeside(model)) return;
    // A gate may hold work, but not all of it for long; who waits for his turn to be answered does not count.
    const longestMs = mix.maxQueueDelayMs === 0 ? -Infinity : 3 * mix.maxQueueDelayMs + TIMER_MS;
    const waiting = this.sent.filter((sent) => sent.mix === mix && sent.answers === 0 && sent.begunAt === Infinity);
    if ((waiting.length > 0 || mix.maxQueueDelayMs === 0) && waiting.every(({ sentAt }) => now - sentAt > longestMs))
      this.lanes.problems.push("a lane idles beside waiting work");
  }

  #rowsWaiting(): number {
    return this.#models.reduce((rows, { engine }) => rows + engine.statistics().queuedRows, 0);
  }
}
