// h2load (of nghttp2) as a second, foreign client for closed-loop unary calls.

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { runProgram } from "../lib/processes.ts";
import { grpcMessage } from "./h2-frames.ts";

/** Version line of h2load, undefined where it is not installed. */
export function h2loadVersion(): string | undefined {
  try {
    return execFileSync("h2load", ["--version"], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}

/** Runs `calls` unary calls and returns answers per second. h2load sees HTTP 200 alone: the caller compares the server's own count. */
export async function runH2load(options: {
  readonly port: number;
  readonly calls: number;
  readonly connections: number;
  readonly inFlight: number;
  readonly request: Buffer;
  readonly requestFile: string;
  readonly core: number | undefined;
  readonly cwd: string;
}): Promise<number> {
  writeFileSync(options.requestFile, grpcMessage(options.request));
  const load = ["-n", String(options.calls), "-c", String(options.connections), "-m", String(options.inFlight), "-t", "1"];
  const call = ["-d", options.requestFile, "-H", "content-type: application/grpc", "-H", "te: trailers"];
  const url = `http://127.0.0.1:${options.port}/predictd.v1.PredictionService/Predict`;
  const out = await runProgram(["h2load", ...load, ...call, url], { core: options.core, cwd: options.cwd, timeoutMs: 120_000 });
  const rate = Number(/finished in .*?, ([\d.]+) req\/s/.exec(out)?.[1]);
  const succeeded = Number(/(\d+) succeeded/.exec(out)?.[1]);
  if (succeeded !== options.calls) throw new Error(`h2load: ${succeeded} of ${options.calls} calls succeeded.`);
  return rate;
}
