// Session messages against unary calls of the same model on the same core.

import { oneCoreFlags } from "../lib/bench.ts";
import type { Bench, Figure, Scenario } from "../lib/bench.ts";
import { answerOf } from "../lib/control.ts";
import { median, spread } from "../lib/numbers.ts";
import { encodeRequest, encodeSessionRequest, fraudRequest } from "../lib/requests.ts";
import { alternate, counted, describe, medianOf, ratios } from "../lib/rounds.ts";

const minRatio = 3;
const streams = 4;
const inFlight = 128;
const packed = 16;

async function run(bench: Bench): Promise<readonly Figure[]> {
  const unaryRequest = encodeRequest(fraudRequest());
  const message = encodeSessionRequest(fraudRequest());
  const predictd = await bench.startPredictd("models", { core: bench.cores.server, flags: oneCoreFlags });
  const stock = await bench.startStock((await answerOf(predictd.port, unaryRequest)).length);
  const times = { warmupSeconds: 1, seconds: bench.seconds };
  const session = (port: number, messagesPerFrame: number) => () =>
    bench.load({ kind: "session", port, connections: 1, streams, inFlight, messagesPerFrame, ...times }, message);
  const measured = await alternate(Math.min(4, bench.rounds), {
    unary: () =>
      counted(predictd, "fraud", () =>
        bench.load({ kind: "closed", port: predictd.port, connections: 4, inFlight: 50, ...times }, unaryRequest),
      ),
    session: () => counted(predictd, "fraud", session(predictd.port, 1)),
    packed: () => counted(predictd, "fraud", session(predictd.port, packed)),
    stock: () => counted(stock, "fraud", session(stock.port, 1)),
  });
  const rounds = ratios(measured.session, measured.unary);
  return [
    {
      name: "fraud, session, one core",
      value: medianOf(measured.session),
      unit: "messages/s",
      note: `${describe(measured.session)}; ${streams} streams × ${inFlight} in flight, one message per DATA frame`,
    },
    {
      name: `the same, ${packed} messages per DATA frame`,
      value: medianOf(measured.packed),
      unit: "messages/s",
      note: describe(measured.packed),
    },
    {
      name: "bare grpc-js session echo with generated codecs",
      value: medianOf(measured.stock),
      unit: "messages/s",
      note: describe(measured.stock),
    },
    {
      name: "fraud session / fraud unary",
      value: median(rounds),
      unit: "x",
      target: { atLeast: minRatio },
      note: `${spread(rounds)}; unary ${Math.round(medianOf(measured.unary))} calls/s`,
    },
  ];
}

/** PredictSession against Predict. */
export const session: Scenario = {
  name: "session",
  about:
    "Predictions of `fraud` over PredictSession, ids checked, with server and worker on one core, against unary calls in the same run.",
  run,
};
