// Large tensors on one core, through everything, against a stock server that only takes and answers them.

import { join } from "node:path";
import { benchModels, writeBenchModel } from "../models.ts";
import { oneCoreFlags } from "../lib/bench.ts";
import type { Bench, Figure, Scenario } from "../lib/bench.ts";
import { answerOf } from "../lib/control.ts";
import { median, spread } from "../lib/numbers.ts";
import type { ServerProcess } from "../lib/processes.ts";
import { encodeRequest, floatRequest } from "../lib/requests.ts";
import { alternate, counted, describe, medianOf, ratios } from "../lib/rounds.ts";

const minRatio = 1.4;
const oneWayMs = 10;

async function compare(
  bench: Bench,
  name: string,
  servers: { readonly predictd: ServerProcess; readonly stock: ServerProcess },
  ports: { readonly predictd: number; readonly stock: number },
  lanes: { readonly connections: number; readonly inFlight: number },
  request: Buffer,
): Promise<readonly Figure[]> {
  const measure = (which: "predictd" | "stock") => () =>
    counted(servers[which], "image", () =>
      bench.load({ kind: "closed", port: ports[which], ...lanes, warmupSeconds: 1, seconds: bench.seconds }, request),
    );
  const { predictd, stock } = await alternate(Math.min(3, bench.rounds), { predictd: measure("predictd"), stock: measure("stock") });
  const rounds = ratios(predictd, stock);
  return [
    { name: `602 KB image, full path, ${name}`, value: medianOf(predictd), unit: "calls/s", note: describe(predictd) },
    { name: `602 KB, stock grpc-js that only answers, ${name}`, value: medianOf(stock), unit: "calls/s", note: describe(stock) },
    {
      name: `602 KB full path / stock, ${name}`,
      value: median(rounds),
      unit: "x",
      target: { atLeast: minRatio },
      note: `${spread(rounds)}; ${lanes.connections} connections × ${lanes.inFlight} in flight`,
    },
  ];
}

async function run(bench: Bench): Promise<readonly Figure[]> {
  const { input, rowShape } = benchModels.image;
  const folder = join(bench.tempDir, "image");
  writeBenchModel(folder, "image");
  const request = encodeRequest(floatRequest("image", input, rowShape));
  const predictd = await bench.startPredictd(folder, { core: bench.cores.server, flags: oneCoreFlags });
  const stock = await bench.startStock((await answerOf(predictd.port, request)).length);
  const servers = { predictd, stock };
  const near = await compare(
    bench,
    "loopback",
    servers,
    { predictd: predictd.port, stock: stock.port },
    { connections: 4, inFlight: 4 },
    request,
  );
  const proxy = async (server: ServerProcess): Promise<number> =>
    (await bench.startTool("delay-proxy.ts", [String(server.port), String(oneWayMs)], bench.cores.client)).port;
  const ports = { predictd: await proxy(predictd), stock: await proxy(stock) };
  const far = await compare(bench, `${2 * oneWayMs} ms round trip`, servers, ports, { connections: 8, inFlight: 4 }, request);
  return [...near, ...far];
}

/** 602 KB tensors. */
export const image: Scenario = {
  name: "image",
  about:
    "Float images of 224×224×3 (602 KB) to a model that hardly computes, server and worker on one core, near and over a delaying proxy.",
  run,
};
