// Runs a schedule through the real scheduler, on virtual time and with runs that only take time.

import { Call } from "../../../../src/call.ts";
import type { EngineRequest, SchedulingStatistics } from "../../../../src/engine/engine.ts";
import { PLAIN_QUEUE } from "../../../../src/engine/queue-policy.ts";
import type { BatchOutcome, Instance } from "../../../../src/engine/scheduler/executor.ts";
import type { QueueOptions } from "../../../../src/engine/scheduler/queue-options.ts";
import { longestOf } from "../../../../src/engine/scheduler/padded-length.ts";
import { createScheduler } from "../../../../src/engine/scheduler/scheduler.ts";
import { ServiceError } from "../../../../src/errors.ts";
import { createLane } from "../fake-instance.ts";
import type { Arrival } from "./arrivals.ts";
import type { Noise, Profile } from "./profiles.ts";
import { knownLatency, LIGHT } from "./profiles.ts";
import type { Random } from "./random.ts";
import { createVirtualClock } from "./virtual-clock.ts";

/** What is simulated. */
export interface Scenario {
  readonly profile: Profile;
  readonly arrivals: readonly Arrival[];
  readonly random: Random;
  readonly lanes?: number;
  readonly noise?: Noise;
  readonly options?: Partial<QueueOptions>;
  /** Whether the scheduler is told the deadlines; true by default. */
  readonly tellsDeadlines?: boolean;
  /** Which requests share runs, by their length; by default all. */
  readonly shapeOf?: (length: number) => Pick<EngineRequest, "shapeKey" | "padding">;
  /** A time at which the event loop stands still, and for how long. */
  readonly stall?: { readonly at: number; readonly ms: number };
}

/** What became of one request. */
export interface Fate {
  readonly arrival: Arrival;
  /** Milliseconds since the start. */
  readonly answeredAt: number;
  readonly outcome: "ok" | "late" | "refused" | "dropped";
}

/** What became of all. */
export interface Outcome {
  readonly fates: readonly Fate[];
  readonly scheduling: SchedulingStatistics;
  readonly meanBatch: number;
  /** Start and rows of every run, one after the other. */
  readonly trace: readonly number[];
}

/** Runs the scenario to its end. */
export async function simulate({
  profile,
  arrivals,
  random,
  lanes = 1,
  noise = LIGHT,
  options,
  tellsDeadlines = true,
  shapeOf = () => ({ shapeKey: "" }),
  stall,
}: Scenario): Promise<Outcome> {
  const clock = createVirtualClock();
  const start = clock.now();
  const trace: number[] = [];
  const instance = (): Instance => {
    // A worker runs one batch after the other.
    let freeAt = 0;
    return {
      lane: createLane(),
      run: (parts, rows) =>
        new Promise<BatchOutcome>((resolve) => {
          const runMs = profile.runMs(rows, longestOf(parts).request.padding?.paddedLength) * noise(random);
          freeAt = Math.max(freeAt, clock.now()) + runMs;
          trace.push(clock.now() - start, rows);
          clock.after(freeAt - clock.now(), () => resolve({ outputs: [], runMs }));
        }),
    };
  };
  const engine = createScheduler(clock).createEngine({
    maxBatchSize: profile.maxBatchSize,
    batched: true,
    sharesRuns: true,
    allowedBatchSizes: [],
    preferredBatchSizes: [],
    preserveOrdering: false,
    queue: PLAIN_QUEUE,
    compat: "off",
    admission: "strict",
    maxQueueDelayMs: 0,
    gate: "auto",
    maxQueueRows: Infinity,
    maxQueueBytes: Infinity,
    maxBatchBytes: Infinity,
    outputNames: [],
    instances: Array.from({ length: lanes }, instance),
    latency: knownLatency(profile),
    onRunFailure: () => {},
    ...options,
  });
  const fates: Fate[] = [];
  for (const arrival of arrivals) {
    const at = start + arrival.at;
    if (stall !== undefined && arrival.at >= stall.at) clock.moveTo(start + stall.at + stall.ms);
    while (clock.nextAt <= Math.max(at, clock.now())) {
      clock.fireNext();
      await settled();
    }
    clock.moveTo(at);
    const { rows, sloMs, priority, length = 0 } = arrival;
    const call = new Call(tellsDeadlines ? at + sloMs : Infinity);
    const request: EngineRequest = { inputs: [], rows, ...shapeOf(length), outputs: [], priority, queueTimeoutMs: 0 };
    const answer = (outcome: Fate["outcome"]): void => {
      call.finish();
      fates.push({ arrival, answeredAt: clock.now() - start, outcome });
    };
    engine.submit(request, call).then(
      () => answer(clock.now() <= at + sloMs ? "ok" : "late"),
      (error: unknown) => {
        if (!(error instanceof ServiceError)) throw error;
        answer(error.metadata["stage"] === "admit" ? "refused" : "dropped");
      },
    );
    await Promise.resolve();
  }
  while (clock.nextAt < Infinity) {
    clock.fireNext();
    await settled();
  }
  const { batchCount, rowCount, scheduling } = engine.statistics();
  return { fates, scheduling: scheduling!, meanBatch: rowCount / batchCount, trace };
}

/** From the end of a run to the answer of its callers it is three turns. */
async function settled(): Promise<void> {
  await Promise.resolve();
  await Promise.resolve();
  await Promise.resolve();
}

/** Shares of the requests offered, and times. */
export interface Summary {
  /** Answered in time. */
  readonly goodput: number;
  readonly late: number;
  /** Of those not served, the share refused on arrival. */
  readonly onArrival: number;
  /** Mean time to the refusal, in milliseconds. */
  readonly rejectMs: number;
}

/** Adds up. @param of counts these requests only. */
export function summarize({ fates }: Outcome, of: (arrival: Arrival) => boolean = () => true): Summary {
  let count = 0;
  let ok = 0;
  let late = 0;
  let refused = 0;
  let dropped = 0;
  let rejectMs = 0;
  for (const { arrival, answeredAt, outcome } of fates) {
    if (!of(arrival)) continue;
    count++;
    if (outcome === "ok") ok++;
    else if (outcome === "late") late++;
    else {
      if (outcome === "refused") refused++;
      else dropped++;
      rejectMs += answeredAt - arrival.at;
    }
  }
  const shed = refused + dropped;
  return {
    goodput: ok / count,
    late: late / count,
    onArrival: shed === 0 ? 1 : refused / shed,
    rejectMs: shed === 0 ? 0 : rejectMs / shed,
  };
}

/** The mean over several runs. */
export function meanOf(summaries: readonly Summary[]): Summary {
  const mean = (key: keyof Summary): number => summaries.reduce((sum, summary) => sum + summary[key], 0) / summaries.length;
  return { goodput: mean("goodput"), late: mean("late"), onArrival: mean("onArrival"), rejectMs: mean("rejectMs") };
}
