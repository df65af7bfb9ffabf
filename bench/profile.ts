// Shows where the server's time goes: loads it under V8's profiler and prints the functions with the most self time, per thread.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { LoadSpec } from "./clients/load-spec.ts";
import { createBench, oneCoreFlags } from "./lib/bench.ts";
import { chooseCores } from "./lib/cores.ts";
import { benchModels, writeBenchModel } from "./models.ts";
import { digitsRequest, encodeRequest, encodeSessionRequest, floatRequest, fraudRequest } from "./lib/requests.ts";

/** What V8 writes with --cpu-prof. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const repoDir = fileURLToPath(new URL("..", import.meta.url));
const shown = 32;
const kinds = ["unary", "session", "digits", "image"] as const;
const usPerMs = 1000;
const nsPerUs = 1000n;

function place(url: string, line: number): string {
  const file = url.startsWith("file:") ? relative(repoDir, fileURLToPath(url)) : url;
  return file === "" ? "" : `${file}:${line + 1}`;
}

// Samples from before the load (start, warm-up) would hide what the load costs.
function printThread(profile: CpuProfile, fromUs: number, untilUs: number): void {
  const selfUs = new Map<number, number>();
  let atUs = profile.startTime;
  let sumUs = 0;
  profile.samples.forEach((id, i) => {
    const tookUs = profile.timeDeltas[i]!;
    atUs += tookUs;
    if (atUs < fromUs || atUs > untilUs) return;
    sumUs += tookUs;
    selfUs.set(id, (selfUs.get(id) ?? 0) + tookUs);
  });
  const byFunction = new Map<string, number>();
  for (const { id, callFrame } of profile.nodes) {
    const key = `${(callFrame.functionName || "(anonymous)").padEnd(34)} ${place(callFrame.url, callFrame.lineNumber)}`;
    byFunction.set(key, (byFunction.get(key) ?? 0) + (selfUs.get(id) ?? 0));
  }
  if (sumUs === 0) return;
  process.stdout.write(`\nThread with ${profile.samples.length} samples:\n`);
  const top = [...byFunction].toSorted(([, a], [, b]) => b - a).slice(0, shown);
  for (const [name, us] of top) process.stdout.write(`${((100 * us) / sumUs).toFixed(1).padStart(5)} %  ${name}\n`);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { seconds: { type: "string", default: "5" } },
  });
  const kind = kinds.find((name) => name === positionals[0]);
  if (kind === undefined) throw new Error(`Usage: node bench/profile.ts <${kinds.join("|")}> [--seconds 5]`);
  const tempDir = mkdtempSync(join(tmpdir(), "predictd-profile-"));
  const seconds = Number(values.seconds);
  const bench = createBench({ quick: true, cores: chooseCores(), tempDir, repoDir, rounds: 1, seconds, chosen: true });
  try {
    const folder = kind === "image" ? join(tempDir, "models") : "models";
    if (kind === "image") writeBenchModel(folder, "image");
    const nodeFlags = ["--cpu-prof", "--cpu-prof-dir", tempDir];
    const server = await bench.startPredictd(folder, { core: bench.cores.server, flags: oneCoreFlags, nodeFlags });
    const { input, rowShape } = benchModels.image;
    const request = {
      unary: encodeRequest(fraudRequest()),
      session: encodeSessionRequest(fraudRequest()),
      digits: encodeRequest(digitsRequest(32)),
      image: encodeRequest(floatRequest("image", input, rowShape)),
    }[kind];
    const lanes = {
      unary: { connections: 4, inFlight: 50 },
      session: { connections: 1, streams: 4, inFlight: 128 },
      digits: { connections: 2, inFlight: 8 },
      image: { connections: 4, inFlight: 4 },
    }[kind];
    const spec: Omit<LoadSpec, "requestFile"> = {
      kind: kind === "session" ? "session" : "closed",
      port: server.port,
      warmupSeconds: 1,
      seconds,
      ...lanes,
    };
    await bench.load({ ...spec, seconds: 1 }, request);
    const fromUs = Number(process.hrtime.bigint() / nsPerUs);
    const { perSecond } = await bench.load(spec, request);
    const untilUs = Number(process.hrtime.bigint() / nsPerUs) - 100 * usPerMs;
    await bench.stopAll();
    process.stdout.write(`${kind}: ${Math.round(perSecond)} per second under the profiler\n`);
    for (const file of readdirSync(tempDir).filter((name) => name.endsWith(".cpuprofile"))) {
      // Written by V8.
      printThread(JSON.parse(readFileSync(join(tempDir, file), "utf8")) as CpuProfile, fromUs, untilUs);
    }
  } finally {
    await bench.stopAll();
    rmSync(tempDir, { recursive: true, force: true });
  }
}

await main();
