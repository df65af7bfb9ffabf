// How much of the runtime's own throughput the server can promise within an objective when callers come at random.

import type { Bench, Figure, Scenario } from "../lib/bench.ts";
import { capacityOf, objectiveMs, oneDeadline, playCase, serveDeadlineModel } from "../lib/deadline-load.ts";
import type { ServedModel } from "../lib/deadline-load.ts";
import { pinWorkers } from "../lib/cores.ts";
import { median, readable, spread } from "../lib/numbers.ts";
import { benchModels } from "../models.ts";

const minShare = 0.85;
const maxTailRatio = 2.2;
const minAnswered = 0.99;
const shares = [1, 0.975, 0.95, 0.925, 0.9, 0.875, 0.85, 0.825, 0.8, 0.75, 0.7, 0.6, 0.5] as const;
const maxBatch = 32;
// On two cores the generator shares the front end's. What it is late by counts as latency, so that the figure is never too good.
const limits = { maxLatenessP99Ms: 0.1 * objectiveMs };
const secondsOf = { named: 8, whole: 4, quick: 1 } as const;
const poisson = { kind: "poisson" } as const;

type OfflineRates = Readonly<Record<string, { readonly rowsPerSecond: number }>>;

/** Rows per second of session.run back to back at the largest batch, on the worker's core. */
async function offline(bench: Bench, { modelFile }: ServedModel): Promise<number> {
  const rowShape = benchModels["mlp-25m"].rowShape.join("x");
  const args = [modelFile, rowShape, "1", String(Math.min(3, bench.seconds)), String(maxBatch)];
  // Printed by our own back-to-back.ts.
  const rates = (await bench.runTool("servers/back-to-back.ts", args, bench.cores.worker)) as OfflineRates;
  return rates[maxBatch]!.rowsPerSecond;
}

async function objective(bench: Bench, seconds: number): Promise<Figure> {
  const served = await serveDeadlineModel(bench);
  const moved = pinWorkers(served.server.pid, bench.cores.worker);
  const core = bench.cores.clientBesideWorker;
  const found: number[] = [];
  const capacities: number[] = [];
  let doubtful = 0;
  for (let round = 0; round < bench.rounds; round++) {
    const capacity = await offline(bench, served);
    capacities.push(capacity);
    let largest = 0;
    for (const load of shares) {
      const one = { name: `${load} of offline`, load, deadlinesMs: oneDeadline, arrivals: poisson };
      const { goodput, valid } = await playCase(served.target, one, { capacity, seed: round + 1, seconds }, { core, limits });
      bench.log(
        `  round ${round + 1}, ${load} of ${readable(capacity)} rows/s: ${goodput.toFixed(4)} within ${objectiveMs} ms${valid ? "" : " (generator late)"}`,
      );
      if (goodput >= minAnswered) {
        largest = load;
        break;
      }
      if (!valid) doubtful++;
    }
    found.push(largest);
  }
  await bench.stopAll();
  const placed = moved > 0 ? "worker on a core of its own, front end and generator on the other" : "processes not pinned";
  return {
    name: `largest Poisson load with p99 within ${objectiveMs} ms`,
    value: median(found),
    unit: "of offline",
    target: { atLeast: minShare },
    note: `${spread(found)}; offline ${readable(median(capacities))} rows/s at batch ${maxBatch}; refusals count as beyond p99; in ${doubtful} runs that failed the generator was late; ${placed}`,
  };
}

async function tail(bench: Bench, seconds: number): Promise<readonly Figure[]> {
  const { target } = await serveDeadlineModel(bench);
  const p50: number[] = [];
  const p99: number[] = [];
  for (let round = 0; round < bench.rounds; round++) {
    const capacity = await capacityOf(target, bench);
    const half = { name: "0.5 x", load: 0.5, deadlinesMs: oneDeadline, arrivals: poisson };
    const { latencyMs, valid } = await playCase(target, half, { capacity, seed: round + 1, seconds }, { core: bench.cores.client });
    if (!valid || latencyMs === undefined) continue;
    p50.push(latencyMs.p50);
    p99.push(latencyMs.p99);
  }
  const ratios = p99.map((value, i) => value / p50[i]!);
  return [
    { name: "p50 at half load, one core", value: median(p50), unit: "ms", note: spread(p50) },
    { name: "p99 at half load, one core", value: median(p99), unit: "ms", note: spread(p99) },
    { name: "p99 / p50 at half load", value: median(ratios), unit: "x", target: { atMost: maxTailRatio }, note: spread(ratios) },
  ];
}

/** The objective as a share of offline throughput, and the tail at half load. */
export const poissonObjective: Scenario = {
  name: "poisson-objective",
  about:
    "The largest rate of Poisson arrivals of which 99 % are answered within 80 ms, as a share of session.run back to back at batch 32; and the tail at half of the server's own capacity.",
  async run(bench) {
    const seconds = bench.quick ? secondsOf.quick : bench.chosen ? secondsOf.named : secondsOf.whole;
    return [await objective(bench, seconds), ...(await tail(bench, seconds))];
  },
};
