// Lanes and devices of a test with mixed options: the batches on them, which the test ends.

import type { BatchOutcome, BatchPart, Device, Instance } from "../../../src/engine/scheduler/executor.ts";
import { RunFailure } from "../../../src/engine/scheduler/executor.ts";
import { longestOf } from "../../../src/engine/scheduler/padded-length.ts";
import { ServiceError } from "../../../src/errors.ts";
import { createLane } from "./fake-instance.ts";
import type { ManualClock } from "./manual-clock.ts";
import type { Model } from "./mixed-model.ts";
import type { Sent } from "./mixed-request.ts";
import { TIMER_MS } from "./mixed-request.ts";
import { outcomeOf, valuesOf, whyWrong } from "./mixed-run.ts";

/** The least run time that counts as hung. */
export const HUNG_MS = 1000;

interface Run {
  readonly model: Model<Sent>;
  /** Those of its rows, what was filled in left out. */
  readonly values: readonly number[];
  startedAt: number;
  /** Run time from which it counts as hung. */
  readonly hangsMs: number;
  finish(): void;
  fail(error: Error): void;
}

/** All lanes. */
export class MixedLanes {
  /** What must not have happened. */
  readonly problems: string[] = [];
  /** Values of rows that were in a run when its worker was lost. */
  readonly lost = new Set<number>();
  readonly #clock: ManualClock;
  readonly #lanes;
  /** By lane, in the order of hand-over; the first one runs. */
  readonly #runs: Run[][];
  /** By the values of their rows. */
  readonly #owners: ReadonlyMap<number, Sent>;

  /** @param owners by the values of their rows. */
  constructor(count: number, clock: ManualClock, owners: ReadonlyMap<number, Sent>) {
    this.#clock = clock;
    this.#lanes = Array.from({ length: count }, () => createLane());
    this.#runs = this.#lanes.map(() => []);
    this.#owners = owners;
  }

  /** How many. */
  get count(): number {
    return this.#lanes.length;
  }

  /** Whether nothing runs. */
  get areIdle(): boolean {
    return this.#runs.every(({ length }) => length === 0);
  }

  /** An instance of a model, which may not be there yet. */
  instance(lane: number, model: () => Model<Sent>, device: Device | undefined, tokens: number): Instance {
    return { lane: this.#lanes[lane]!, device, tokens, run: (parts, rows) => this.#run(lane, model(), parts, rows) };
  }

  /** Ends the first run of a lane: well, unless there is a row that the model does not bear. */
  finish(lane: number): void {
    const run = this.#runs[lane]!.shift();
    if (run === undefined) return;
    const [next] = this.#runs[lane]!;
    if (next !== undefined) next.startedAt = this.#clock.now();
    const isPoisoned = run.values.some((value) => {
      const { given, values } = this.#owners.get(value)!;
      return given.isPoison && values[0] === value;
    });
    if (isPoisoned) run.fail(new RunFailure("Non-zero status code", true));
    else run.finish();
  }

  /** The worker of a lane dies. */
  lose(lane: number): void {
    this.#lanes[lane]!.available = false;
    for (const run of this.#runs[lane]!.splice(0)) {
      for (const value of run.values) this.lost.add(value);
      run.fail(new ServiceError("WORKER_LOST", "gone", { retryAfterMs: 1 }));
    }
  }

  /** The worker of a lane has been replaced. */
  revive(lane: number): void {
    if (!this.#lanes[lane]!.available) this.#lanes[lane]!.revive();
  }

  /** Whether a lane of a model idles that could run a batch of it. */
  idleBeside({ laneNumbers, device }: Model<Sent>): boolean {
    const now = this.#clock.now();
    // Who has hung is known from the millisecond after.
    const isUnclear = this.#runs.some(([run]) => run !== undefined && Math.abs(now - run.startedAt - run.hangsMs) <= TIMER_MS);
    if (isUnclear || !this.#mayStart(device)) return false;
    return laneNumbers.some((lane) => this.#lanes[lane]!.available && this.#runs[lane]!.length === 0);
  }

  /** Tokens of a device with runs, and with those that have hung. */
  tokensOn(device: string): { readonly inFlight: number; readonly hung: number } {
    const now = this.#clock.now();
    let inFlight = 0;
    let hung = 0;
    for (const [run] of this.#runs) {
      if (run === undefined || run.model.device?.name !== device) continue;
      inFlight += run.model.tokens;
      if (now - run.startedAt > run.hangsMs) hung += run.model.tokens;
    }
    return { inFlight, hung };
  }

  #mayStart(device: Device | undefined): boolean {
    if (device === undefined) return true;
    const { inFlight, hung } = this.tokensOn(device.name);
    return inFlight < device.tokens || (device.outlivesHungRuns && inFlight <= hung);
  }

  #run(lane: number, model: Model<Sent>, parts: readonly BatchPart[], rows: number): Promise<BatchOutcome> {
    const { problems } = this;
    const now = this.#clock.now();
    const running = this.#runs[lane]!;
    const values = parts.flatMap(valuesOf);
    problems.push(...whyWrong(model.mix, parts, rows));
    if (!this.#lanes[lane]!.available) problems.push("a run on a lane whose worker is gone");
    if (running.length > 1) problems.push("a third batch on a lane");
    if (model.hasClosed) problems.push("a run of a model that has been unloaded");
    if (running.length === 0 && !this.#mayStart(model.device)) problems.push("a run without a token");
    if (running.length === 1 && running[0]!.model.device !== model.device) problems.push("a run behind one of another device");
    for (const value of values) {
      const owner = this.#owners.get(value)!;
      if (owner.answers > 0) problems.push("a run of a request that has been answered");
      owner.begunAt = Math.min(owner.begunAt, now);
    }
    const curve = model.latency.curve(longestOf(parts).request.shapeKey);
    const hangsMs = curve.safeMs(rows) === 0 ? Infinity : Math.max(HUNG_MS, 3 * curve.p99Ms(rows));
    return new Promise((resolve, reject) => {
      running.push({ model, values, startedAt: now, hangsMs, finish: () => resolve(outcomeOf(parts, rows)), fail: reject });
    });
  }
}
