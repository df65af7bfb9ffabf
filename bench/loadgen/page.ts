// Turns results into one HTML page that needs nothing else: tables and charts of every run.

import { readable } from "../lib/numbers.ts";
import { escape, renderChart } from "./chart.ts";
import { familyOf, loadCharts, timeCharts } from "./page-charts.ts";
import type { LoadgenResult } from "./result.ts";

const style = `
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5a6675; --grid: #dfe4ea; --paper: #ffffff; --bad: #c2362b;
  --c0: #2566c8; --c1: #d96c0e; --c2: #158a5b; --c3: #c2362b; --c4: #7a4fd0; --c5: #0f8aa3; --c6: #b0308f; --c7: #6b7684; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9f0; --soft: #9aa6b5; --grid: #2e3845; --paper: #151b23; --bad: #ff7a6e;
  --c0: #6aa5ff; --c1: #ff9d4d; --c2: #43c98f; --c3: #ff7a6e; --c4: #ab8bff; --c5: #4cc9e2; --c6: #ee7ccf; --c7: #8f9bab; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto; max-width: 96rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.87rem; }
th, td { padding: 0.3rem 0.55rem; text-align: right; border-bottom: 1px solid var(--grid); white-space: nowrap; }
th { color: var(--soft); font-weight: 600; } td:first-child, td:nth-child(2), th:first-child, th:nth-child(2) { text-align: left; }
.bad { color: var(--bad); font-weight: 600; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 34rem), 1fr)); gap: 1.5rem; }
figure { margin: 0; } figcaption { font-weight: 600; margin-bottom: 0.2rem; } figure > svg { width: 100%; height: auto; }
.legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1.1rem; font-size: 0.84rem; color: var(--soft); } .key { display: inline-flex; align-items: center; gap: 0.4rem; }
.grid { stroke: var(--grid); } .axis { stroke: var(--soft); } .tick, .label { fill: var(--soft); font-size: 12px; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; } .reference { fill: none; stroke-width: 1.2; } .dashed { stroke-dasharray: 6 4; }
${Array.from({ length: 8 }, (_, i) => `path.c${i} { stroke: var(--c${i}); } circle.c${i} { fill: var(--c${i}); }`).join("\n")}
summary { cursor: pointer; color: var(--soft); }
`;

const columns = [
  "server",
  "schedule",
  "load",
  "offered/run",
  "goodput",
  "late",
  "refused",
  "p50 ms",
  "p99 ms",
  "p99.9 ms",
  "refusal p50 ms",
  "on arrival",
  "mean batch",
  "generator late p99 ms",
  "its CPU",
] as const;

function percent(share: number | undefined): string {
  return share === undefined ? "" : `${(100 * share).toFixed(share < 0.1 && share > 0 ? 2 : 1)} %`;
}

function value(number: number | undefined | null): string {
  return number === undefined || number === null ? "" : readable(number);
}

function row(result: LoadgenResult): string {
  const { latencyMs, refusals, generator } = result;
  const cells = [
    escape(result.name),
    `${escape(result.label)}${result.valid ? "" : ` <span class="bad">rejected: ${escape(result.invalidBecause.join("; "))}</span>`}`,
    value(result.load),
    value(result.offered),
    result.goodput.toFixed(3),
    percent(result.lateShare),
    percent(result.refused / result.offered),
    value(latencyMs?.p50),
    value(latencyMs?.p99),
    value(latencyMs?.p999),
    value(refusals?.ms.p50),
    percent(refusals?.onArrival),
    value(result.meanBatch),
    value(generator.latenessMs.p99),
    percent(generator.cpuShare),
  ];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
}

/** The page of some results; runs of one schedule at several loads share their charts. */
export function renderPage(results: readonly LoadgenResult[]): string {
  const families = Map.groupBy(results, familyOf);
  // A run that was rejected stays in the table and draws nothing over load.
  const overLoad = [...families].flatMap(([family, members]) =>
    loadCharts(
      family,
      members.filter(({ valid }) => valid),
    ),
  );
  const courses = results.map((result) => {
    const charts = timeCharts(result).map(renderChart).join("");
    const open = results.length === 1 || result.schedule.arrivals.kind !== "poisson" ? " open" : "";
    return `<details${open}><summary>${escape(result.name)}: ${escape(result.label)}</summary><div class="charts">${charts}</div></details>`;
  });
  return [
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">`,
    `<title>Load generator: results</title><style>${style}</style>`,
    `<h1>Load generator: results</h1>`,
    `<p>Goodput is the share of the scheduled calls that were answered OK within their deadline. All times count from the scheduled time of a call, whenever it was sent. “Late” are callers that had neither an answer nor a refusal at their deadline.</p>`,
    `<div class="scroll"><table><thead><tr>${columns.map((column) => `<th>${column}</th>`).join("")}</tr></thead><tbody>${results.map(row).join("\n")}</tbody></table></div>`,
    overLoad.length > 0 ? `<h2>Over load</h2><div class="charts">${overLoad.map(renderChart).join("\n")}</div>` : "",
    `<h2>Over time</h2>`,
    ...courses,
    `</html>`,
    "",
  ].join("\n");
}
