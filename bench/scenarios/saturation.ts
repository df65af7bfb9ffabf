// Saturated models against back-to-back session.run: what the server takes from the runtime.

import { join } from "node:path";
import { benchModels, writeBenchModel } from "../models.ts";
import { oneCoreFlags } from "../lib/bench.ts";
import type { Bench, Figure, Scenario } from "../lib/bench.ts";
import { getModel } from "../lib/control.ts";
import { pinWorkers } from "../lib/cores.ts";
import { median, readable, spread } from "../lib/numbers.ts";
import { digitsRequest, encodeRequest, floatRequest } from "../lib/requests.ts";
import { alternate, counted, describe, medianOf, ratios } from "../lib/rounds.ts";

const minRatio = 0.95;

interface Subject {
  readonly model: string;
  readonly folder: string;
  readonly file: string;
  readonly rowShape: readonly number[];
  readonly request: Buffer;
  readonly rowsPerRequest: number;
  readonly connections: number;
  readonly inFlight: number;
}

type Ceiling = Readonly<Record<string, { readonly rowsPerSecond: number; readonly p50Ms: number }>>;

async function measure(bench: Bench, subject: Subject): Promise<readonly Figure[]> {
  const { model, request, rowsPerRequest, connections, inFlight } = subject;
  const predictd = await bench.startPredictd(subject.folder, { core: bench.cores.server, flags: oneCoreFlags });
  const moved = pinWorkers(predictd.pid, bench.cores.worker);
  const { versions } = await getModel(predictd.port, model);
  const maxBatch = Math.max(1, versions[0]?.batching?.maxBatchSize ?? 1);
  const sizes = Array.from({ length: Math.floor(Math.log2(maxBatch)) + 1 }, (_, i) => 2 ** i);
  const bare = async (batchSizes: readonly number[], seconds: number): Promise<Ceiling> => {
    const args = [subject.file, subject.rowShape.join("x"), "1", String(seconds), batchSizes.join(",")];
    // Printed by our own back-to-back.ts.
    return (await bench.runTool("servers/back-to-back.ts", args, bench.cores.worker)) as Ceiling;
  };
  const sweep = await bare(sizes, bench.quick ? 0.25 : 0.6);
  const best = sizes.reduce((a, b) => (sweep[b]!.rowsPerSecond > sweep[a]!.rowsPerSecond ? b : a));
  const times = { warmupSeconds: 1, seconds: bench.seconds };
  const loadCore = bench.cores.clientBesideWorker;
  const { predictd: ours, ceiling } = await alternate(Math.min(4, bench.rounds), {
    ceiling: async () => ({ value: (await bare([best], bench.seconds))[best]!.rowsPerSecond }),
    predictd: async () => {
      const { value, cpuUs } = await counted(predictd, model, () =>
        bench.load({ kind: "closed", port: predictd.port, connections, inFlight, ...times }, request, loadCore),
      );
      return { value: value * rowsPerRequest, cpuUs };
    },
  });
  const rounds = ratios(ours, ceiling);
  const placed = moved > 0 ? "worker on a core of its own, front end and client on the other" : "processes not pinned";
  return [
    {
      name: `${model}, saturated`,
      value: medianOf(ours),
      unit: "rows/s",
      note: `${describe(ours)}; ${rowsPerRequest} rows per request; ${placed}`,
    },
    {
      name: `${model}, back-to-back session.run`,
      value: medianOf(ceiling),
      unit: "rows/s",
      note: `best batch ${best} of ${sizes.map((size) => `${size}: ${readable(sweep[size]!.rowsPerSecond)}`).join(", ")}`,
    },
    {
      name: `${model} saturated / back-to-back`,
      value: median(rounds),
      unit: "x",
      target: { atLeast: minRatio },
      note: `${spread(rounds)}; ${connections * inFlight} requests in flight`,
    },
  ];
}

/** digits with 32 rows per request. */
export const saturationDigits: Scenario = {
  name: "saturation-digits",
  about: "`digits` under more requests of 32 rows than it can take, against session.run back to back at the best batch on one thread.",
  run: (bench) =>
    measure(bench, {
      model: "digits",
      folder: "models",
      file: join("models", "digits", "2", "model.onnx"),
      rowShape: [1, 8, 8],
      request: encodeRequest(digitsRequest(32)),
      rowsPerRequest: 32,
      connections: 2,
      inFlight: 8,
    }),
};

/** A perceptron of 25 million weights with one row per request. */
export const saturationMlp: Scenario = {
  name: "saturation-mlp",
  about: "A generated perceptron of 25 million weights under more single-row requests than it can take, against session.run back to back.",
  run: (bench) => {
    const { input, rowShape } = benchModels["mlp-25m"];
    const folder = join(bench.tempDir, "mlp");
    return measure(bench, {
      model: "mlp-25m",
      folder,
      file: writeBenchModel(folder, "mlp-25m"),
      rowShape,
      request: encodeRequest(floatRequest("mlp-25m", input, rowShape)),
      rowsPerRequest: 1,
      connections: 2,
      inFlight: 64,
    });
  },
};
