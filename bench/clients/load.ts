// The load generator process: takes one LoadSpec as its argument and prints one LoadResult.

import { readFileSync } from "node:fs";
import type { LoadResult, LoadSpec } from "./load-spec.ts";
import { runOpenLoop } from "./open-loop.ts";
import { runSessionLoad } from "./session-load.ts";
import { runClosedLoop } from "./unary-load.ts";

const predictPath = "/predictd.v1.PredictionService/Predict";
const sessionPath = "/predictd.v1.PredictionService/PredictSession";

async function runLoad(spec: LoadSpec): Promise<LoadResult> {
  const request = readFileSync(spec.requestFile);
  if (spec.kind === "closed") return await runClosedLoop(spec, predictPath, request);
  if (spec.kind === "open") return await runOpenLoop(spec, predictPath, request);
  return await runSessionLoad(spec, sessionPath, request);
}

const [argument] = process.argv.slice(2);
if (argument === undefined) throw new Error("Usage: node bench/clients/load.ts '<LoadSpec as JSON>'");
// The argument comes from bench/lib/load.ts alone, which typed it.
process.stdout.write(`${JSON.stringify(await runLoad(JSON.parse(argument) as LoadSpec))}\n`);
