// The bench: starts servers and load generators, measures in turns, prints a table and writes bench/RESULTS.md.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createBench } from "./lib/bench.ts";
import type { Scenario } from "./lib/bench.ts";
import { chooseCores } from "./lib/cores.ts";
import { waitQuiet } from "./lib/quiet.ts";
import { figureLine, loudShare } from "./lib/results.ts";
import type { Outcome } from "./lib/results.ts";
import { isWritten, renderResults } from "./lib/results-page.ts";
import { fraudUnary } from "./scenarios/fraud-unary.ts";
import { ghz } from "./scenarios/ghz.ts";
import { image } from "./scenarios/image.ts";
import { addedLatency, alone } from "./scenarios/latency.ts";
import { openInference } from "./scenarios/open-inference.ts";
import { saturationDigits, saturationMlp } from "./scenarios/saturation.ts";
import { overload } from "./scenarios/overload.ts";
import { poissonObjective } from "./scenarios/poisson-objective.ts";
import { recovery } from "./scenarios/recovery.ts";
import { session } from "./scenarios/session.ts";
import { coldStart, soak } from "./scenarios/start-and-memory.ts";

const scenarios: readonly Scenario[] = [
  fraudUnary,
  session,
  openInference,
  saturationDigits,
  saturationMlp,
  image,
  addedLatency,
  alone,
  overload,
  recovery,
  poissonObjective,
  coldStart,
  soak,
  ghz,
];
const maxQuietWaitMs = 15_000;
const usage = `Usage: node bench/run.ts [--only <scenario,…>] [--quick] [--write] [--no-write] [--results <folder>]

  --only      Some scenarios: ${scenarios.map(({ name }) => name).join(", ")}
  --quick     Short runs (two minutes in all); shows that everything works, not how fast it is
  --write     With --only: put the sections of these scenarios into bench/RESULTS.md and keep the others. Not with --quick
  --no-write  Leave bench/RESULTS.md as it is; implied by --only without --write and by --quick
  --results   Leave the JSON of each run of overload there, for \`node bench/loadgen/cli.ts page\``;

function readArguments(): {
  readonly chosen: readonly Scenario[];
  readonly named: boolean;
  readonly quick: boolean;
  readonly write: boolean;
  readonly resultsDir: string | undefined;
} {
  const { values } = parseArgs({
    options: {
      only: { type: "string" },
      quick: { type: "boolean" },
      write: { type: "boolean" },
      "no-write": { type: "boolean" },
      results: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) throw new Error(usage);
  const names = values.only?.split(",");
  const unknown = names?.filter((name) => !scenarios.some((scenario) => scenario.name === name)) ?? [];
  if (unknown.length > 0) throw new Error(`No such scenario: ${unknown.join(", ")}\n\n${usage}`);
  const quick = values.quick === true;
  return {
    chosen: names === undefined ? scenarios : scenarios.filter(({ name }) => names.includes(name)),
    named: names !== undefined,
    quick,
    resultsDir: values.results,
    write: isWritten({ quick, named: names !== undefined, write: values.write === true, noWrite: values["no-write"] === true }),
  };
}

async function runScenario(scenario: Scenario, settings: Parameters<typeof createBench>[0]): Promise<Outcome> {
  const bench = createBench(settings);
  bench.log(`\n${scenario.name}: ${scenario.about}`);
  const busyBefore = await waitQuiet(settings.quick ? 0 : maxQuietWaitMs);
  if (busyBefore > loudShare)
    bench.log(`  The machine is ${Math.round(100 * busyBefore)} % busy with something else: figures will be off.`);
  const beganMs = performance.now();
  const seconds = (): number => (performance.now() - beganMs) / 1000;
  try {
    const figures = await scenario.run(bench);
    for (const figure of figures) bench.log(figureLine(figure));
    return { scenario, figures, seconds: seconds(), busyBefore };
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    bench.log(`  FAILED: ${failure}`);
    return { scenario, figures: [], seconds: seconds(), busyBefore, failure };
  } finally {
    await bench.stopAll();
  }
}

async function main(): Promise<void> {
  const { chosen, named, quick, write, resultsDir } = readArguments();
  const repoDir = fileURLToPath(new URL("..", import.meta.url));
  const tempDir = mkdtempSync(join(tmpdir(), "predictd-bench-"));
  if (resultsDir !== undefined) mkdirSync(resultsDir, { recursive: true });
  const cores = chooseCores();
  if (cores.server === undefined) process.stderr.write("Processes cannot be pinned here: figures for one core will be too high.\n");
  const settings = { quick, cores, repoDir, rounds: quick ? 1 : 5, seconds: quick ? 1 : 3, chosen: named, resultsDir };
  const outcomes: Outcome[] = [];
  try {
    for (const scenario of chosen) outcomes.push(await runScenario(scenario, { ...settings, tempDir: join(tempDir, scenario.name) }));
  } finally {
    rmSync(tempDir, { recursive: true, force: true });
  }
  if (write) {
    const page = join(repoDir, "bench", "RESULTS.md");
    const before = existsSync(page) ? readFileSync(page, "utf8") : undefined;
    const names = scenarios.map(({ name }) => name);
    writeFileSync(page, renderResults({ outcomes, names, whole: !named, before, repoDir }));
  }
  if (outcomes.some(({ failure }) => failure !== undefined)) process.exitCode = 1;
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
