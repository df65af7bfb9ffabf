// The Open Inference Protocol's calls against our own of the same model on the same core.

import type { LoadSpec, Service } from "../clients/load-spec.ts";
import { sessionIdPlaceholder } from "../clients/load-spec.ts";
import { oneCoreFlags } from "../lib/bench.ts";
import type { Bench, Figure, Scenario } from "../lib/bench.ts";
import { median, spread } from "../lib/numbers.ts";
import { encodeInferRequest, encodeRequest, encodeSessionRequest, fraudRequest } from "../lib/requests.ts";
import { alternate, counted, describe, medianOf, ratios } from "../lib/rounds.ts";
import type { Measured } from "../lib/rounds.ts";

/** Least share of our own method's rate. */
const minRatio = 0.9;
const unary = { kind: "closed", connections: 4, inFlight: 50 } as const;
const stream = { kind: "session", connections: 1, streams: 4, inFlight: 128 } as const;

// CPU time is what remains comparable when the machine is busy with other things too.
function cpuRatios(ours: readonly Measured[], theirs: readonly Measured[]): readonly number[] {
  return ours.map(({ cpuUs }, i) => (cpuUs ?? Number.NaN) / (theirs[i]?.cpuUs ?? Number.NaN));
}

function figures(name: string, unit: string, infer: readonly Measured[], own: readonly Measured[]): readonly Figure[] {
  const [inferName, ownName] = name.split(" / ");
  const rounds = ratios(infer, own);
  const cpuRounds = cpuRatios(own, infer);
  return [
    { name: `fraud, ${inferName}, one core`, value: medianOf(infer), unit, note: describe(infer) },
    { name: `fraud, ${ownName}, one core`, value: medianOf(own), unit, note: describe(own) },
    { name, value: median(rounds), unit: "x", target: { atLeast: minRatio }, note: spread(rounds) },
    {
      name: `CPU time per answer, ${ownName} / ${inferName}`,
      value: median(cpuRounds),
      unit: "x",
      note: `${spread(cpuRounds)}; what the ratio would be without other processes on the machine`,
    },
  ];
}

async function run(bench: Bench): Promise<readonly Figure[]> {
  const predictd = await bench.startPredictd("models", { core: bench.cores.server, flags: oneCoreFlags });
  const load = (service: Service, lanes: Pick<LoadSpec, "kind" | "connections" | "inFlight" | "streams">, request: Buffer) => () =>
    counted(predictd, "fraud", () =>
      bench.load({ ...lanes, service, port: predictd.port, warmupSeconds: 1, seconds: bench.seconds }, request),
    );
  const request = fraudRequest();
  // Whoever comes first would meet a server that has compiled nothing yet.
  await load("inference", unary, encodeInferRequest(request))();
  await load("predictd.v1", unary, encodeRequest(request))();
  const { modelInfer, predict, modelStreamInfer, session } = await alternate(bench.rounds, {
    modelInfer: load("inference", unary, encodeInferRequest(request)),
    predict: load("predictd.v1", unary, encodeRequest(request)),
    modelStreamInfer: load("inference", stream, encodeInferRequest(request, sessionIdPlaceholder)),
    session: load("predictd.v1", stream, encodeSessionRequest(request)),
  });
  return [
    ...figures("ModelInfer / Predict", "calls/s", modelInfer, predict),
    ...figures("ModelStreamInfer / PredictSession", "messages/s", modelStreamInfer, session),
  ];
}

/** ModelInfer and ModelStreamInfer against Predict and PredictSession. */
export const openInference: Scenario = {
  name: "open-inference",
  about:
    "Predictions of `fraud` by the Open Inference Protocol against our own methods, with server and worker on one core, in the same run.",
  run,
};
