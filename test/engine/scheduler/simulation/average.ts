// One cell of a table: a scenario under several seeds.

import type { QueueOptions } from "../../../../src/engine/scheduler/queue-options.ts";
import { LatencyModel } from "../../../../src/engine/scheduler/latency-model.ts";
import type { Arrival, Draw } from "./arrivals.ts";
import { bursts, plain, poisson } from "./arrivals.ts";
import type { Noise, Profile } from "./profiles.ts";
import { capacityPerMs, LIGHT } from "./profiles.ts";
import type { Random } from "./random.ts";
import { createRandom } from "./random.ts";
import type { Outcome, Summary } from "./simulate.ts";
import { meanOf, simulate, summarize } from "./simulate.ts";

/** What is simulated under every seed. */
export interface Cell {
  readonly profile: Profile;
  /** Rows offered over rows that could be run. */
  readonly load: number;
  readonly draw?: Draw;
  readonly meanRows?: number;
  readonly isBursty?: boolean;
  readonly lanes?: number;
  readonly noise?: Noise;
  readonly options?: Partial<QueueOptions>;
  /** Whether run times are learned, from warm-up on, instead of known. */
  readonly learns?: boolean;
  readonly tellsDeadlines?: boolean;
  readonly count?: number;
  readonly seeds?: number;
}

/** Runs a cell. */
export async function runAll(cell: Cell): Promise<readonly Outcome[]> {
  const { profile, load, lanes = 1, meanRows = 1, draw = plain(profile.sloMs), noise = LIGHT, count = 4000, seeds = 3 } = cell;
  const outcomes: Outcome[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const random = createRandom(seed);
    const perMs = (load * lanes * capacityPerMs(profile)) / meanRows;
    const arrivals = (cell.isBursty === true ? bursts : poisson)(random, count, perMs, draw);
    const learned = cell.learns === true ? { latency: warmedUp(profile, noise, random) } : {};
    const options = { ...learned, ...cell.options };
    const tellsDeadlines = cell.tellsDeadlines ?? true;
    outcomes.push(await simulate({ profile, arrivals, random, lanes, noise, options, tellsDeadlines }));
  }
  return outcomes;
}

/** The means of a cell. @param of counts these requests only. */
export async function average(cell: Cell, of?: (arrival: Arrival) => boolean): Promise<Summary> {
  return meanOf((await runAll(cell)).map((outcome) => summarize(outcome, of)));
}

/** As warm-up leaves it: four runs of every power of two. */
export function warmedUp({ runMs, maxBatchSize }: Profile, noise: Noise, random: Random): LatencyModel {
  const latency = new LatencyModel();
  for (let rows = 1; rows <= maxBatchSize; rows *= 2) {
    for (let i = 0; i < 4; i++) latency.record(rows, runMs(rows) * noise(random), 1e9);
  }
  return latency;
}
