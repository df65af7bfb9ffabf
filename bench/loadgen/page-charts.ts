// Which charts a set of results gives: goodput and latency over load, and the course of single runs over time.

import type { Chart, Line } from "./chart.ts";
import type { Bin, LoadgenResult } from "./result.ts";
import { measuredSeconds } from "./schedule.ts";

function mix(values: readonly { readonly value: unknown }[]): string {
  return values.map(({ value }) => String(value)).join(" / ");
}

/** What makes runs comparable over load: everything about the schedule but its rate. */
export function familyOf({ schedule }: LoadgenResult): string {
  const { arrivals, deadlinesMs, rows, lengths, models } = schedule;
  const deadlines = deadlinesMs.every(({ value }) => value === Infinity) ? "no deadline" : `deadline ${mix(deadlinesMs)} ms`;
  const size = rows.length === 1 && rows[0]?.value === 1 ? "" : `, ${mix(rows)} rows`;
  const length = lengths === undefined ? "" : `, length ${mix(lengths)}`;
  return `${mix(models)}, ${arrivals.kind} arrivals, ${deadlines}${size}${length}`;
}

function namesOf(results: readonly LoadgenResult[]): readonly string[] {
  return [...new Set(results.map(({ name }) => name))];
}

function offeredRate({ offered, schedule }: LoadgenResult): number {
  return offered / measuredSeconds(schedule);
}

/** Points of one server by load; several runs at one load give their mean. */
function over(
  results: readonly LoadgenResult[],
  x: (result: LoadgenResult) => number,
  y: (result: LoadgenResult) => number | undefined,
): Line["points"] {
  const byX = new Map<number, number[]>();
  for (const result of results) {
    const value = y(result);
    if (value !== undefined) byX.set(x(result), [...(byX.get(x(result)) ?? []), value]);
  }
  return [...byX].toSorted(([a], [b]) => a - b).map(([at, values]) => [at, values.reduce((sum, value) => sum + value, 0) / values.length]);
}

/** Charts over load of runs of one family; none when they all had the same load. */
export function loadCharts(family: string, results: readonly LoadgenResult[]): readonly Chart[] {
  const relative = results.every(({ load }) => load !== undefined);
  const x = (result: LoadgenResult): number => (relative ? (result.load ?? 0) : Math.round(offeredRate(result)));
  const xs = [...new Set(results.map(x))].toSorted((a, b) => a - b);
  if (xs.length < 2) return [];
  const xLabel = relative ? "load, multiples of the server's own capacity" : "offered load, calls/s";
  const names = namesOf(results);
  const of = (name: string): readonly LoadgenResult[] => results.filter((result) => result.name === name);
  const [low, high] = [xs[0]!, xs.at(-1)!];
  const steps = Array.from({ length: 101 }, (_, i) => low + ((high - low) * i) / 100);
  const ceiling: Line = {
    name: "possible: 1 / load",
    color: 7,
    reference: true,
    dashed: true,
    points: steps.map((at) => [at, Math.min(1, 1 / at)]),
  };
  const goodput = names.map((name, color): Line => ({ name, color, points: over(of(name), x, (result) => result.goodput) }));
  const latency = names.flatMap((name, color): readonly Line[] => [
    { name: `${name} p50`, color, dashed: true, points: over(of(name), x, ({ latencyMs }) => latencyMs?.p50) },
    { name: `${name} p99`, color, points: over(of(name), x, ({ latencyMs }) => latencyMs?.p99) },
  ]);
  return [
    {
      title: `Goodput over load: ${family}`,
      xLabel,
      yLabel: "answered in time / offered",
      yMax: 1.02,
      marked: true,
      lines: [...goodput, ...(relative ? [ceiling] : [])],
    },
    { title: `Latency of OK answers: ${family}`, xLabel, yLabel: "milliseconds (log)", logarithmic: true, marked: true, lines: latency },
  ];
}

/** Charts of one run over its time. */
export function timeCharts(result: LoadgenResult): readonly Chart[] {
  const { series, binMs, schedule } = result;
  const perSecond = (of: (bin: Bin) => number): Line["points"] => series.map((bin) => [bin.atMs / 1000, (of(bin) * 1000) / binMs]);
  const title = `${result.name}, ${result.label}`;
  const xLabel = "seconds";
  const last = (series.at(-1)?.atMs ?? 0) / 1000;
  const deadlines = [...new Set(schedule.deadlinesMs.map(({ value }) => value))].filter(Number.isFinite).map((value): Line => ({
    name: `deadline ${value} ms`,
    color: 7,
    reference: true,
    dashed: true,
    points: [
      [0, value],
      [last, value],
    ],
  }));
  return [
    {
      title: `${title}: calls over time`,
      xLabel,
      yLabel: "calls/s",
      lines: [
        { name: "offered", color: 7, reference: true, points: perSecond(({ offered }) => offered) },
        { name: "in time", color: 2, points: perSecond(({ good }) => good) },
        { name: "refused", color: 0, points: perSecond(({ refused }) => refused) },
        {
          name: "late, unanswered, unsent or lost",
          color: 3,
          points: perSecond(({ late, unanswered, unsent, lost }) => late + unanswered + unsent + lost),
        },
      ],
    },
    {
      title: `${title}: latency of OK answers over time`,
      xLabel,
      yLabel: "milliseconds",
      lines: [
        { name: "p50", color: 0, points: series.map(({ atMs, p50Ms }) => [atMs / 1000, p50Ms]) },
        { name: "p99", color: 1, points: series.map(({ atMs, p99Ms }) => [atMs / 1000, p99Ms]) },
        ...deadlines,
      ],
    },
  ];
}
