// The scenario files of bench/ghz with ghz itself, where it is installed.

import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Bench, Figure, Scenario } from "../lib/bench.ts";
import { runProgram } from "../lib/processes.ts";

interface GhzReport {
  readonly rps: number;
  readonly average: number;
  readonly statusCodeDistribution: Readonly<Record<string, number>>;
}

const nsPerMs = 1e6;

function installed(): boolean {
  try {
    execFileSync("ghz", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function run(bench: Bench): Promise<readonly Figure[]> {
  if (!installed()) {
    bench.log("  ghz is not installed: skipped");
    return [];
  }
  const folder = join(bench.repoDir, "bench", "ghz");
  const server = await bench.startPredictd("models", { core: bench.cores.server });
  const figures: Figure[] = [];
  for (const file of readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .toSorted()) {
    const flags = ["--config", join(folder, file), "--duration", `${bench.seconds}s`, "--format", "json"];
    const command = ["ghz", ...flags, `127.0.0.1:${server.port}`];
    const out = await runProgram(command, { core: bench.cores.client, cwd: bench.repoDir, timeoutMs: 60_000 });
    // The report format of ghz 0.121.
    const report = JSON.parse(out) as GhzReport;
    const failed = Object.entries(report.statusCodeDistribution).filter(([code]) => code !== "OK");
    figures.push({
      name: `ghz ${file.replace(/\.json$/, "")}`,
      value: report.rps,
      unit: "calls/s",
      note: `mean ${(report.average / nsPerMs).toFixed(2)} ms; not OK: ${failed.length === 0 ? "none" : JSON.stringify(Object.fromEntries(failed))}; ghz itself is often the limit`,
    });
  }
  return figures;
}

/** ghz. */
export const ghz: Scenario = {
  name: "ghz",
  about: "The scenario files of `bench/ghz/`, run by ghz where it is installed.",
  run,
};
