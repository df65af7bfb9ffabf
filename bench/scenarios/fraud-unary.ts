// Unary calls of a small model on one core, against a stock grpc-js server that only answers.

import { join } from "node:path";
import { h2loadVersion, runH2load } from "../clients/h2load.ts";
import { oneCoreFlags } from "../lib/bench.ts";
import type { Bench, Figure, Scenario } from "../lib/bench.ts";
import { answerOf } from "../lib/control.ts";
import { median, spread } from "../lib/numbers.ts";
import type { ServerProcess } from "../lib/processes.ts";
import { encodeRequest, fraudRequest } from "../lib/requests.ts";
import { alternate, counted, describe, medianOf, ratios } from "../lib/rounds.ts";

/** Least share of the stock server's rate. */
const minRatio = 0.9;
const connections = 4;
const inFlight = 50;
// Enough calls for a few seconds at the rates of one core.
const h2loadCallsPerSecond = 30_000;

async function run(bench: Bench): Promise<readonly Figure[]> {
  const request = encodeRequest(fraudRequest());
  const predictd = await bench.startPredictd("models", { core: bench.cores.server, flags: oneCoreFlags });
  const answerBytes = (await answerOf(predictd.port, request)).length;
  const stock = await bench.startStock(answerBytes);
  const own = (server: ServerProcess) => () =>
    counted(server, "fraud", () =>
      bench.load({ kind: "closed", port: server.port, connections, inFlight, warmupSeconds: 1, seconds: bench.seconds }, request),
    );
  const { predictd: ours, stock: ceiling } = await alternate(bench.rounds, { predictd: own(predictd), stock: own(stock) });
  const rounds = ratios(ours, ceiling);
  const figures: Figure[] = [
    { name: "fraud, unary, one core", value: medianOf(ours), unit: "calls/s", note: describe(ours) },
    { name: "stock grpc-js echo, same sizes", value: medianOf(ceiling), unit: "calls/s", note: describe(ceiling) },
    {
      name: "fraud unary / stock echo, own client",
      value: median(rounds),
      unit: "x",
      target: { atLeast: minRatio },
      note: `${spread(rounds)}; ${connections} connections × ${inFlight} in flight; request ${request.length} B, answer ${answerBytes} B`,
    },
  ];

  const cpuRounds = ours.map(({ cpuUs }, i) => (ceiling[i]?.cpuUs ?? Number.NaN) / (cpuUs ?? Number.NaN));
  figures.push({
    name: "CPU time per call, stock echo / fraud unary",
    value: median(cpuRounds),
    unit: "x",
    note: `${spread(cpuRounds)}; what the ratio would be without other processes on the machine`,
  });
  const version = h2loadVersion();
  if (version === undefined) return figures;
  const calls = Math.round(bench.seconds * h2loadCallsPerSecond);
  const foreign = (server: ServerProcess) => () =>
    counted(server, "fraud", async () => {
      const requestFile = join(bench.tempDir, "h2load-request");
      const settings = {
        port: server.port,
        calls,
        connections,
        inFlight,
        request,
        requestFile,
        core: bench.cores.client,
        cwd: bench.repoDir,
      };
      return { perSecond: await runH2load(settings), okTotal: calls };
    });
  const h2load = await alternate(Math.min(3, bench.rounds), { predictd: foreign(predictd), stock: foreign(stock) });
  const h2loadRounds = ratios(h2load.predictd, h2load.stock);
  return [
    ...figures,
    {
      name: "fraud unary / stock echo, h2load",
      value: median(h2loadRounds),
      unit: "x",
      target: { atLeast: minRatio },
      note: `${Math.round(medianOf(h2load.predictd))} against ${Math.round(medianOf(h2load.stock))} calls/s; ${version}`,
    },
  ];
}

/** Fraud, unary, one core. */
export const fraudUnary: Scenario = {
  name: "fraud-unary",
  about:
    "Unary calls of `fraud` (one row) with server and worker on one core; the ceiling is a bare grpc-js server with the same message sizes.",
  run,
};
