// What a sweep has measured and found, for people.

import type { TunedModel, TuneResult, TuneRow } from "../../tune.ts";
import { bestOfEach, MOST_REQUESTS_PER_SECOND } from "../../tune.ts";
import { renderTable } from "../output/table.ts";
import type { Terminal } from "../terminal.ts";
import { sayIn } from "./sizes.ts";

/** Share of the cores that other programs may use before it is worth a word. */
const MAX_LOAD_SHARE = 0.5;

const MIB = 1024 * 1024;

/** The table, the best choice, and what to set where. Ends with a line break. @param written the file that says it now. */
export function renderTuned(tuned: TunedModel, written: string | undefined, terminal: Terminal): string {
  const { name, version, objectiveMs, cores, result, place } = tuned;
  const { best, rows, execution, provider } = result;
  const ofBest = rows.filter((row) => row.instances === best?.instances && row.intraOpThreads === best.intraOpThreads);
  const lines = sayIn(place.kind, result);
  const blocks = [
    `${name} version ${version}: answers within ${objectiveMs} ms on ${cores} cores (${provider}, ${execution})`,
    renderRows(bestOfEach(rows), result, terminal),
    ofBest.length > 1 && result.batched && `the best of them by its largest batch:\n\n${renderRows(ofBest, result, terminal)}`,
    notesOf(tuned),
    best === undefined
      ? `Nothing is answered within ${objectiveMs} ms: the fastest run of one row takes ${ms(Math.min(...rows.map((row) => row.p50RunMs)))}.`
      : `best (*): ${perSecond(best.goodputPerSecond)} requests a second within ${objectiveMs} ms`,
    best !== undefined &&
      (written === undefined
        ? `set in ${place.kind === "bare file" ? "model.yaml" : place.kind}:\n\n${indent(lines)}`
        : `${written} says:\n\n${indent(lines)}`),
  ];
  return `${blocks.filter(Boolean).join("\n\n")}\n`;
}

function renderRows(rows: readonly TuneRow[], { best, batched }: TuneResult, { stdout, env }: Terminal): string {
  const head = ["", "instances", "threads", "max batch", "p50 run", "rows/s saturated", "requests/s in time", "memory"];
  const body = rows.map((row) => [
    row === best ? "*" : "",
    String(row.instances),
    String(row.intraOpThreads),
    batched ? String(row.maxBatchSize) : "-",
    ms(row.p50RunMs),
    perSecond(row.saturatedPerSecond),
    perSecond(row.goodputPerSecond),
    `${Math.round(row.memoryBytes / MIB)} MiB`,
  ]);
  return renderTable(head, body, stdout, env);
}

function notesOf({ result: { rows, leftOut, failed }, loadAverage, cores }: TunedModel): string {
  return [
    leftOut.length > 0 && `No time was left for ${list(leftOut)} (instances × threads); --seconds gives more.`,
    loadAverage > cores * MAX_LOAD_SHARE &&
      `Other programs keep this machine busy (load average ${loadAverage.toFixed(1)} on ${cores} cores): what was measured is their doing too.`,
    failed.length > 0 && `These failed: ${list(failed)} (instances × threads).`,
    rows.some(({ goodputPerSecond }) => goodputPerSecond >= MOST_REQUESTS_PER_SECOND) &&
      `${perSecond(MOST_REQUESTS_PER_SECOND)} unary requests a second is what one event loop takes in: there the model is not the limit.`,
  ]
    .filter(Boolean)
    .join("\n");
}

function list(sizes: TuneResult["leftOut"]): string {
  return sizes.map(({ instances, intraOpThreads }) => `${instances} × ${intraOpThreads}`).join(", ");
}

function ms(value: number): string {
  return `${Number(value.toPrecision(3))} ms`;
}

function perSecond(value: number): string {
  return value < 100 ? String(Number(value.toPrecision(3))) : Math.round(value).toLocaleString("en-US");
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, "  ");
}
