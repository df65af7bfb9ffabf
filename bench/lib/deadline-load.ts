// The model, server and runs that the scenarios about deadlines share.

import { join } from "node:path";
import { defaultBursts } from "../loadgen/arrivals.ts";
import type { Arrivals } from "../loadgen/arrivals.ts";
import { maxFailureShare } from "../loadgen/capacity.ts";
import type { LoadgenResult } from "../loadgen/result.ts";
import { findCapacity, runSchedule } from "../loadgen/run-schedule.ts";
import type { RunOptions } from "../loadgen/run-options.ts";
import { makeSchedule } from "../loadgen/schedule.ts";
import type { Target } from "../loadgen/target.ts";
import type { Weighted } from "../loadgen/weights.ts";
import { writeBenchModel } from "../models.ts";
import { oneCoreFlags } from "./bench.ts";
import type { Bench } from "./bench.ts";
import type { ServerProcess } from "./processes.ts";

/** The model of all of them: 25 million weights. */
export const deadlineModel = "mlp-25m";
/** The objective. */
export const objectiveMs = 80;
/** Every caller waits as long. */
export const oneDeadline: readonly Weighted<number>[] = [{ value: objectiveMs, weight: 1 }];
/** Half of the callers wait 0.6 times as long, half twice. */
export const mixedDeadlines: readonly Weighted<number>[] = [
  { value: 0.6 * objectiveMs, weight: 1 },
  { value: 2 * objectiveMs, weight: 1 },
];
export { defaultBursts };

const maxTries = 3;
const warmupSeconds = 1;

/** One run at a multiple of the server's own capacity. */
export interface Case {
  readonly name: string;
  /** Multiple of the capacity, on average. */
  readonly load: number;
  readonly deadlinesMs: readonly Weighted<number>[];
  readonly arrivals: Arrivals;
}

/** The server of a scenario. */
export interface ServedModel {
  readonly server: ServerProcess;
  readonly target: Target;
  readonly modelFile: string;
}

/** Starts predictd with the model, everything on one core. */
export async function serveDeadlineModel(bench: Bench): Promise<ServedModel> {
  const folder = join(bench.tempDir, "models");
  const modelFile = writeBenchModel(folder, deadlineModel);
  const server = await bench.startPredictd(folder, { core: bench.cores.server, flags: oneCoreFlags });
  return { server, target: { protocol: "oip-grpc", host: "127.0.0.1", port: server.port }, modelFile };
}

/**
 * What the server takes now: single rows, more of them in flight than a batch holds.
 * @returns rows per second.
 * @throws Error when more than 1 % of the calls failed: then nobody knows what it takes.
 */
export async function capacityOf(target: Target, bench: Bench, core = bench.cores.client): Promise<number> {
  const options = { model: deadlineModel, seconds: Math.min(3, bench.seconds), core };
  const { rowsPerSecond, failureShare, failures } = await findCapacity(target, options);
  if (failureShare > maxFailureShare) {
    throw new Error(`Capacity unknown: ${(100 * failureShare).toFixed(1)} % of the calls failed: ${JSON.stringify(failures)} by status.`);
  }
  return rowsPerSecond;
}

/**
 * Plays one case at a rate; runs in which the generator was late or busy are repeated, at most twice.
 * @returns the last run, which may still be one to throw away.
 */
export async function playCase(
  target: Target,
  { name, load, deadlinesMs, arrivals }: Case,
  run: { readonly capacity: number; readonly seed: number; readonly seconds: number },
  options: RunOptions,
): Promise<LoadgenResult> {
  const spec = { arrivals, rate: load * run.capacity, seconds: run.seconds, warmupSeconds, deadlinesMs };
  const one = { rows: [{ value: 1, weight: 1 }], models: [{ value: deadlineModel, weight: 1 }] };
  const schedule = makeSchedule({ seed: run.seed, ...spec, ...one });
  for (let tries = 1; ; tries++) {
    const result = await runSchedule(target, schedule, { name: "predictd", label: name, load, ...options });
    if (result.valid || tries === maxTries) return result;
  }
}
