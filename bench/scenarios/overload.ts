// Goodput under deadlines: below saturation, in bursts and at up to five times what the server can take.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bench, Figure, Scenario } from "../lib/bench.ts";
import {
  capacityOf,
  deadlineModel,
  defaultBursts,
  mixedDeadlines,
  oneDeadline,
  playCase,
  serveDeadlineModel,
} from "../lib/deadline-load.ts";
import type { Case, ServedModel } from "../lib/deadline-load.ts";
import { median, readable, spread } from "../lib/numbers.ts";
import { ceilingOf, isAboveCeiling } from "../loadgen/capacity.ts";
import { toJson } from "../loadgen/infinite-json.ts";
import type { LoadgenResult } from "../loadgen/result.ts";
import { runSchedule } from "../loadgen/run-schedule.ts";
import { makeSchedule } from "../loadgen/schedule.ts";

interface JudgedCase extends Case {
  /** Of `goodput / min(1, 1 / load)`. */
  readonly target: { readonly atLeast: number; readonly floor?: number };
}

const poisson = { kind: "poisson" } as const;
const nothingRefused = { atLeast: 0.998 };
const cases: readonly JudgedCase[] = [
  { name: "0.5 x", load: 0.5, deadlinesMs: oneDeadline, arrivals: poisson, target: nothingRefused },
  { name: "0.5 x, mixed", load: 0.5, deadlinesMs: mixedDeadlines, arrivals: poisson, target: nothingRefused },
  { name: "0.85 x", load: 0.85, deadlinesMs: oneDeadline, arrivals: poisson, target: nothingRefused },
  { name: "0.85 x, mixed", load: 0.85, deadlinesMs: mixedDeadlines, arrivals: poisson, target: nothingRefused },
  {
    name: "bursts, mean 0.6 x, mixed",
    load: 0.6,
    deadlinesMs: mixedDeadlines,
    arrivals: defaultBursts,
    target: { atLeast: 0.93, floor: 0.9 },
  },
  { name: "1.3 x", load: 1.3, deadlinesMs: oneDeadline, arrivals: poisson, target: { atLeast: 0.92 } },
  { name: "1.3 x, mixed", load: 1.3, deadlinesMs: mixedDeadlines, arrivals: poisson, target: { atLeast: 0.9, floor: 0.79 } },
  { name: "2 x", load: 2, deadlinesMs: oneDeadline, arrivals: poisson, target: { atLeast: 0.92, floor: 0.84 } },
  { name: "5 x", load: 5, deadlinesMs: oneDeadline, arrivals: poisson, target: { atLeast: 0.6 } },
];
const maxLateShare = 0.001;
const maxRefusalMs = 2;
const minOnArrival = 0.75;
const secondsOf = { named: 5, whole: 4, quick: 1 } as const;
// Shorter than the model's run time, so that every call is refused on arrival.
const hopelessMs = 2;
const hopelessRate = 2000;

type Rounds = ReadonlyMap<JudgedCase, readonly LoadgenResult[]>;

function validOf(results: readonly LoadgenResult[]): readonly LoadgenResult[] {
  return results.filter(({ valid }) => valid);
}

/** Median of a quantity over the valid rounds; NaN without any. */
function medianOf(results: readonly LoadgenResult[], pick: (result: LoadgenResult) => number | undefined): number {
  return median(validOf(results).flatMap((result) => pick(result) ?? []));
}

function goodputFigure(judged: JudgedCase, results: readonly LoadgenResult[]): Figure {
  const { name, load, target } = judged;
  const known = validOf(results).filter(({ goodput }) => !isAboveCeiling(goodput, ceilingOf(1, load)));
  const shareOf = ({ goodput }: LoadgenResult): number => goodput * Math.max(1, load);
  const thrownAway = results.length - validOf(results).length;
  const unknown = results.length - thrownAway - known.length;
  const of = (pick: (result: LoadgenResult) => number | undefined): string => readable(medianOf(known, pick));
  const notes = [
    spread(known.map(shareOf)),
    load > 1 ? `goodput itself ${of(({ goodput }) => goodput)}` : "",
    `late ${of(({ lateShare }) => 100 * lateShare)} %`,
    `p50 ${of(({ latencyMs }) => latencyMs?.p50)}, p99 ${of(({ latencyMs }) => latencyMs?.p99)} ms`,
    `mean batch ${of(({ meanBatch }) => meanBatch)}`,
    thrownAway > 0 ? `${thrownAway} rounds thrown away, the generator was late` : "",
    unknown > 0 ? `${unknown} rounds left out, capacity unknown: more was answered than it allows` : "",
  ];
  return {
    name: `${name}, goodput${load > 1 ? " / possible" : ""}`,
    value: medianOf(known, shareOf),
    unit: load > 1 ? "of 1/load" : "of offered",
    target,
    note: notes.filter((note) => note !== "").join("; "),
  };
}

/** The worst case of a quantity, each case by its median. */
function worst(
  rounds: Rounds,
  overloadedOnly: boolean,
  pick: (result: LoadgenResult) => number | undefined,
  worstOf: (values: readonly number[]) => number,
): Pick<Figure, "value" | "note"> {
  const each = [...rounds].flatMap(([{ name, load }, results]) =>
    overloadedOnly && load <= 1 ? [] : [{ name, value: medianOf(results, pick) }],
  );
  return { value: worstOf(each.map(({ value }) => value)), note: each.map(({ name, value }) => `${name}: ${readable(value)}`).join("; ") };
}

/** CPU time of the server for a call that it refuses on arrival, in microseconds. */
async function refusalCpuUs(
  bench: Bench,
  { server, target }: ServedModel,
  seed: number,
): Promise<{ readonly cpuUs: number; readonly refused: number }> {
  const seconds = Math.min(3, bench.seconds);
  const schedule = makeSchedule({
    seed,
    arrivals: poisson,
    rate: hopelessRate,
    seconds,
    warmupSeconds: 0,
    deadlinesMs: [{ value: hopelessMs, weight: 1 }],
    rows: [{ value: 1, weight: 1 }],
    models: [{ value: deadlineModel, weight: 1 }],
  });
  const before = server.cpuSeconds();
  const { offered, refusals } = await runSchedule(target, schedule, { core: bench.cores.client });
  return {
    cpuUs: ((server.cpuSeconds() - before) * 1e6) / offered,
    refused: ((refusals?.onArrival ?? 0) * (refusals?.ms.count ?? 0)) / offered,
  };
}

async function run(bench: Bench): Promise<readonly Figure[]> {
  const seconds = bench.quick ? secondsOf.quick : bench.chosen ? secondsOf.named : secondsOf.whole;
  const served = await serveDeadlineModel(bench);
  const rounds = new Map(cases.map((judged): readonly [JudgedCase, LoadgenResult[]] => [judged, []]));
  const capacities: number[] = [];
  const drifts: number[] = [];
  const cpu: { readonly cpuUs: number; readonly refused: number }[] = [];
  for (let round = 0; round < bench.rounds; round++) {
    const capacity = await capacityOf(served.target, bench);
    capacities.push(capacity);
    for (const [judged, results] of rounds) {
      const result = await playCase(served.target, judged, { capacity, seed: round + 1, seconds }, { core: bench.cores.client });
      bench.log(
        `  round ${round + 1}, ${judged.name}: goodput ${result.goodput.toFixed(4)}${result.valid ? "" : `, thrown away: ${result.invalidBecause.join("; ")}`}`,
      );
      results.push(result);
    }
    // A machine that gave less and less would show as a server that keeps less and less of its promises.
    drifts.push((await capacityOf(served.target, bench)) / capacity);
    cpu.push(await refusalCpuUs(bench, served, round + 1));
  }
  if (bench.resultsDir !== undefined) {
    const all = [...rounds.values()].flat();
    for (const [i, result] of all.entries()) writeFileSync(join(bench.resultsDir, `overload-${i}.json`), `${toJson(result)}\n`);
  }
  const refusedShare = median(cpu.map(({ refused }) => refused));
  return [
    { name: "capacity, closed loop", value: median(capacities), unit: "rows/s", note: spread(capacities) },
    {
      name: "capacity after a round / before",
      value: median(drifts),
      unit: "x",
      note: `${spread(drifts)}; away from 1, doubt all figures below`,
    },
    ...[...rounds].map(([judged, results]) => goodputFigure(judged, results)),
    {
      name: "late or unanswered, worst case",
      unit: "of offered",
      target: { atMost: maxLateShare },
      ...worst(
        rounds,
        false,
        ({ lateShare }) => lateShare,
        (values) => Math.max(...values),
      ),
    },
    {
      name: "time to a refusal above saturation, p50, worst case",
      unit: "ms",
      target: { atMost: maxRefusalMs },
      ...worst(
        rounds,
        true,
        ({ refusals }) => refusals?.ms.p50,
        (values) => Math.max(...values),
      ),
    },
    {
      name: "refused on arrival above saturation, worst case",
      unit: "of refusals",
      target: { atLeast: minOnArrival },
      ...worst(
        rounds,
        true,
        ({ refusals }) => refusals?.onArrival,
        (values) => Math.min(...values),
      ),
    },
    {
      name: "CPU of the server per refusal",
      value: median(cpu.map(({ cpuUs }) => cpuUs)),
      unit: "µs",
      note: `${spread(cpu.map(({ cpuUs }) => cpuUs))}; ${hopelessRate}/s with deadlines of ${hopelessMs} ms, ${readable(100 * refusedShare)} % refused on arrival`,
    },
  ];
}

/** The targets of deadline-aware scheduling. */
export const overload: Scenario = {
  name: "overload",
  about:
    "A perceptron of 25 million weights on one core, callers who wait 80 ms (mixed: 48 and 160 ms), open loop over the Open Inference Protocol; load in multiples of the capacity that each round measures first. Goodput counts answers within the deadline from the scheduled time; “late” are callers without answer or refusal at their deadline.",
  run,
};
