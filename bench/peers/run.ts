// The comparison with other servers: each in turn gets a core, its capacity is measured, and then it meets the same schedules as the others.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chooseCores } from "../lib/cores.ts";
import { withLargePages } from "../lib/large-pages.ts";
import { runProgram } from "../lib/processes.ts";
import { commitOf, today } from "../lib/results-page.ts";
import { renderPage } from "../loadgen/page.ts";
import { benchModels, writeBenchModel } from "../models.ts";
import { peersDir } from "./environments.ts";
import { makeExamples } from "./examples.ts";
import { measureRound } from "./measure.ts";
import type { MeasureSettings } from "./measure.ts";
import type { Peer } from "./peer.ts";
import { peers, peersNamed } from "./peers.ts";
import { deadlineMs, longestDeadlineMs } from "./deadlines.ts";
import { points, pointsNamed } from "./points.ts";
import type { Point } from "./points.ts";
import { renderPeers } from "./report.ts";
import { openStore } from "./store.ts";
import { cellsOf, typicalRun } from "./summary.ts";

const repoDir = join(peersDir, "..", "..");
const usage = `Usage: node bench/peers/run.ts [options]

  --peers A,B      Some servers: ${peers.map(({ name }) => name).join(", ")}. predictd is always measured
  --only-points A  Some points: ${points.map(({ name }) => name).join(", ")}
  --seconds N      Measured time of a point. Default 15
  --rounds N       Default 5
  --tries N        Runs of a point before one is kept, marked, although the generator was too slow. Default 3
  --out DIR        Folder of the results; what it holds already is kept and not measured again; with other code, only
                   capacities are, where points are missing. Default bench/peers/results
  --report         Measure nothing, only write the pages of what --out holds
  --write          Write bench/PEERS.md too; the folder always gets peers.md and peers.html

bench/peers/install.ts installs the servers; one that is missing is left out, and the page says so.`;

const maxBatch = 32;
const modelName = "mlp-25m";

/** Milliseconds of a run of a full batch, bare, on the core that the servers get. */
async function measureFullBatch(file: string, rowSize: number, core: number | undefined): Promise<number> {
  const script = join(repoDir, "bench", "servers", "back-to-back.ts");
  const command = withLargePages([process.execPath, script, file, String(rowSize), "1", "2", String(maxBatch)]);
  // Printed by our own back-to-back.ts.
  const result = JSON.parse(await runProgram(command, { core, cwd: repoDir, timeoutMs: 60_000 })) as Record<
    string,
    { rowsPerSecond: number }
  >;
  return (maxBatch * 1000) / result[maxBatch]!.rowsPerSecond;
}

function pointsOf(peer: Peer, chosen: readonly Point[]): readonly Point[] {
  return chosen.filter(({ name, of }) => (peer.onlyPoints?.includes(name) ?? true) && !(peer.name === "predictd" && of === "predictd"));
}

async function measureAll(
  chosen: readonly Peer[],
  chosenPoints: readonly Point[],
  rounds: number,
  settings: MeasureSettings,
): Promise<void> {
  const [predictd, ...others] = chosen;
  for (let round = 1; round <= rounds; round++) {
    settings.log(`round ${round} of ${rounds}`);
    // predictd is first, because its capacity sets the equal rate; the others change places.
    const capacity = await measureRound(predictd!, pointsOf(predictd!, chosenPoints), round, undefined, settings);
    const turn = (round - 1) % Math.max(1, others.length);
    for (const peer of [...others.slice(turn), ...others.slice(0, turn)]) {
      await measureRound(peer, pointsOf(peer, chosenPoints), round, capacity, settings);
    }
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      peers: { type: "string" },
      "only-points": { type: "string" },
      seconds: { type: "string", default: "15" },
      rounds: { type: "string", default: "5" },
      tries: { type: "string", default: "3" },
      out: { type: "string", default: join(peersDir, "results") },
      report: { type: "boolean" },
      write: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  const [seconds, rounds, maxTries] = [Number(values.seconds), Number(values.rounds), Number(values.tries)];
  if (values.help === true || !(seconds > 0) || !(rounds > 0) || !(maxTries > 0)) throw new Error(usage);
  const chosen = values.peers === undefined ? peers : peersNamed(["predictd", ...values.peers.split(",")]);
  const chosenPoints = values["only-points"] === undefined ? points : pointsNamed(values["only-points"].split(","));
  const store = openStore(values.out, commitOf(repoDir));
  const tempDir = mkdtempSync(join(tmpdir(), "predictd-peers-"));
  try {
    if (values.report !== true) {
      const file = writeBenchModel(tempDir, modelName);
      const [rowSize] = benchModels[modelName].rowShape;
      const cores = chooseCores();
      if (cores.server === undefined) process.stderr.write("Processes cannot be pinned here: nothing below compares.\n");
      const model = { name: modelName, file, folder: tempDir };
      const known = store.read("comparison");
      const fullBatchMs = known?.fullBatchMs ?? (await measureFullBatch(file, rowSize, cores.server));
      if (known === undefined) store.write({ kind: "comparison", fullBatchMs, seconds, maxBatch, date: today() });
      const settings: MeasureSettings = {
        model,
        maxBatch,
        threads: 1,
        deadlineMs,
        longestDeadlineMs,
        fullBatchMs,
        rowSize,
        seconds,
        maxTries,
        store,
        core: cores.server,
        clientCore: cores.client,
        examples: await makeExamples(model, rowSize, [1, 3]),
        log: (line) => process.stderr.write(`${line}\n`),
      };
      await measureAll(chosen, chosenPoints, rounds, settings);
    }
    const records = store.all();
    const page = renderPeers(records, "node bench/peers/run.ts", store.commit);
    writeFileSync(join(store.folder, "peers.md"), page);
    writeFileSync(join(store.folder, "peers.html"), renderPage(cellsOf(records).map(typicalRun)));
    if (values.write === true) writeFileSync(join(repoDir, "bench", "PEERS.md"), page);
    process.stdout.write(`${page}\n`);
  } finally {
    rmSync(tempDir, { recursive: true, force: true });
  }
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
