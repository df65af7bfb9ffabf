// The load generator process: takes one LoadSpec as its argument and prints one LoadResult.

import { readFileSync } from "node:fs";
import type { LoadResult, LoadSpec } from "./load-spec.ts";
import { runOpenLoop } from "./open-loop.ts";
import { runSessionLoad } from "./session-load.ts";
import { runClosedLoop } from "./unary-load.ts";

const paths = {
  "predictd.v1": { unary: "/predictd.v1.PredictionService/Predict", session: "/predictd.v1.PredictionService/PredictSession" },
  inference: { unary: "/inference.GRPCInferenceService/ModelInfer", session: "/inference.GRPCInferenceService/ModelStreamInfer" },
} as const;

async function runLoad(spec: LoadSpec): Promise<LoadResult> {
  const request = readFileSync(spec.requestFile);
  const { unary, session } = paths[spec.service ?? "predictd.v1"];
  if (spec.kind === "closed") return await runClosedLoop(spec, unary, request);
  if (spec.kind === "open") return await runOpenLoop(spec, unary, request);
  return await runSessionLoad(spec, session, request);
}

const [argument] = process.argv.slice(2);
if (argument === undefined) throw new Error("Usage: node bench/clients/load.ts '<LoadSpec as JSON>'");
// The argument comes from bench/lib/load.ts alone, which typed it.
process.stdout.write(`${JSON.stringify(await runLoad(JSON.parse(argument) as LoadSpec))}\n`);
