// Latency that the server adds to the model's own run, at half load and alone.

import { join } from "node:path";
import type { LoadResult } from "../clients/load-spec.ts";
import { benchModels, writeBenchModel } from "../models.ts";
import { oneCoreFlags } from "../lib/bench.ts";
import type { Bench, Figure, Scenario } from "../lib/bench.ts";
import { answerOf } from "../lib/control.ts";
import { median, readable, spread } from "../lib/numbers.ts";
import { encodeRequest, floatRequest, fraudRequest, simpleRequest } from "../lib/requests.ts";

const maxAddedP50Ms = 0.5;
const maxAddedP99Ms = 2;
const maxAloneP50Ms = 0.2;
const load = 0.5;
const maxLatenessMs = 1;

async function halfLoad(bench: Bench, folder: string, name: string, request: Buffer, judged: boolean): Promise<readonly Figure[]> {
  const predictd = await bench.startPredictd(folder, { core: bench.cores.server, flags: oneCoreFlags });
  const { port } = predictd;
  const closed = { kind: "closed", port, connections: 4, inFlight: 32, warmupSeconds: 1, seconds: Math.min(3, bench.seconds) } as const;
  const capacity = (await bench.load(closed, request)).perSecond;
  const rate = capacity * load;
  const open = {
    kind: "open",
    port,
    connections: 8,
    inFlight: 250,
    rate,
    timings: true,
    warmupSeconds: 1,
    seconds: 2 * bench.seconds,
  } as const;
  const runs: LoadResult[] = [];
  let discarded = 0;
  const wanted = Math.min(3, bench.rounds);
  for (let seed = 1; runs.length < wanted; seed++) {
    const result = await bench.load({ ...open, seed }, request);
    // A generator that was late measured the machine, not the server.
    if ((result.lateness?.p99 ?? 0) > maxLatenessMs && discarded < wanted) discarded++;
    else runs.push(result);
  }
  await bench.stopAll();
  const of = (pick: (result: LoadResult) => number | undefined): readonly number[] => runs.map((result) => pick(result) ?? Number.NaN);
  const p50 = of((result) => result.added?.p50);
  const p99 = of((result) => result.added?.p99);
  const failed = runs.reduce((sum, { failures }) => sum + Object.values(failures).reduce((a, b) => a + b, 0), 0);
  const setting = `Poisson ${readable(rate)}/s of ${readable(capacity)}/s; failed ${failed}`;
  const lateness = `generator late by p99 ${readable(median(of((result) => result.lateness?.p99)))} ms, ${discarded} rounds discarded for more than ${maxLatenessMs} ms`;
  const parts = `queue ${readable(median(of((result) => result.queueMs)))} ms, run ${readable(median(of((result) => result.runMs)))} ms, ${readable(median(of((result) => result.batchRows)))} rows per batch (means)`;
  return [
    {
      name: `${name}, added latency at half load, p50`,
      value: median(p50),
      unit: "ms",
      ...(judged ? { target: { atMost: maxAddedP50Ms } } : {}),
      note: `${spread(p50)}; ${setting}; ${parts}`,
    },
    {
      name: `${name}, added latency at half load, p99`,
      value: median(p99),
      unit: "ms",
      ...(judged ? { target: { atMost: maxAddedP99Ms } } : {}),
      note: `${spread(p99)}; ${lateness}; end to end p50 ${readable(median(of((r) => r.latency.p50)))}, p99 ${readable(median(of((r) => r.latency.p99)))}, p99.9 ${readable(median(of((r) => r.latency.p999)))} ms`,
    },
  ];
}

/** Poisson arrivals at half of what the server can take. */
export const addedLatency: Scenario = {
  name: "added-latency",
  about:
    "End to end less queue and run, from the answers' own timings, under Poisson arrivals at half load on one core; latency counts from the scheduled time.",
  async run(bench) {
    const fraud = await halfLoad(bench, "models", "fraud", encodeRequest(fraudRequest()), true);
    const folder = join(bench.tempDir, "mlp-latency");
    writeBenchModel(folder, "mlp-25m");
    const { input, rowShape } = benchModels["mlp-25m"];
    const mlp = await halfLoad(bench, folder, "mlp-25m", encodeRequest(floatRequest("mlp-25m", input, rowShape)), false);
    return [...fraud, ...mlp];
  },
};

function figure(name: string, rounds: readonly number[]): Figure {
  return { name, value: median(rounds), unit: "ms", note: spread(rounds) };
}

function p50Of(results: readonly LoadResult[]): readonly number[] {
  return results.map(({ latency }) => latency.p50);
}

/** One caller that sends the next call when it has the answer. */
export const alone: Scenario = {
  name: "alone",
  about:
    "One caller alone on `simple`, each call sent when the one before was answered; server and worker on one core. The same with the model in a process and on the main thread.",
  async run(bench) {
    const request = encodeRequest(simpleRequest());
    const predictd = await bench.startPredictd("models", { core: bench.cores.server, flags: oneCoreFlags });
    const elsewhere = await Promise.all(
      (["process", "inline"] as const).map(async (execution) => {
        const flags = [...oneCoreFlags, "--execution", execution];
        const { port } = await bench.startPredictd("models", { core: bench.cores.server, flags });
        return { execution, port, results: [] as LoadResult[] };
      }),
    );
    const stock = await bench.startStock((await answerOf(predictd.port, request)).length);
    const times = { warmupSeconds: 1, seconds: Math.min(2, bench.seconds) };
    const caller = (port: number, polling: boolean): Promise<LoadResult> =>
      bench.load({ kind: "closed", port, connections: 1, inFlight: 1, polling, ...times }, request);
    const sleeping: LoadResult[] = [];
    const polling: LoadResult[] = [];
    const bare: LoadResult[] = [];
    for (let round = 0; round < Math.min(3, bench.rounds); round++) {
      sleeping.push(await caller(predictd.port, false));
      polling.push(await caller(predictd.port, true));
      bare.push(await caller(stock.port, false));
      for (const { port, results } of elsewhere) results.push(await caller(port, false));
    }
    return [
      { ...figure("simple, one caller alone, p50", p50Of(sleeping)), target: { atMost: maxAloneP50Ms } },
      figure(
        "simple, one caller alone, p99",
        sleeping.map(({ latency }) => latency.p99),
      ),
      figure("the same p50, caller polls instead of sleeping", p50Of(polling)),
      figure("the same p50 of a stock grpc-js echo", p50Of(bare)),
      ...elsewhere.map(({ execution, results }) => figure(`the same p50 with execution: ${execution}`, p50Of(results))),
    ];
  },
};
