// Pages: charts of what was measured, nothing from elsewhere, and names that cannot become markup.

import { expect, test } from "@jest/globals";

import { ticks } from "../../../bench/loadgen/chart.ts";
import { renderPage } from "../../../bench/loadgen/page.ts";
import type { LoadgenResult } from "../../../bench/loadgen/result.ts";

const counts = { offered: 100, good: 90, late: 0, unanswered: 0, refused: 10, unsent: 0, lost: 0 };
const percentiles = { count: 90, mean: 5, p50: 4, p90: 8, p99: 12, p999: 14, max: 15 };

function one<T>(value: T): readonly [{ readonly value: T; readonly weight: number }] {
  return [{ value, weight: 1 }];
}

function result(name: string, load: number, arrivals: LoadgenResult["schedule"]["arrivals"] = { kind: "poisson" }): LoadgenResult {
  return {
    ...counts,
    name,
    label: `${load} x`,
    load,
    target: "oip-grpc 127.0.0.1:1",
    schedule: { seed: 1, arrivals, rate: 100, seconds: 1, warmupSeconds: 0, deadlinesMs: one(80), rows: one(1), models: one("m") },
    valid: true,
    invalidBecause: [],
    goodput: 0.9 / load,
    lateShare: 0,
    byStatus: { OK: 90, RESOURCE_EXHAUSTED: 10 },
    byReason: {},
    latencyMs: percentiles,
    generator: { latenessMs: percentiles, cpuShare: 0.1, blockedCount: 0, connectionCount: 4 },
    byClass: [],
    binMs: 500,
    series: [
      { ...counts, atMs: 0, p50Ms: 4, p99Ms: 12 },
      { ...counts, atMs: 500 },
    ],
  };
}

test("two servers at two loads: goodput and latency over load with what is possible, and the course of each run", () => {
  const page = renderPage([result("a", 1), result("b", 1), result("a", 2), result("b", 2)]);
  const titles = [...page.matchAll(/<figcaption>([^<]*)</g)].map(([, title]) => title);
  expect(titles.filter((title) => title?.includes("over load"))).toEqual(["Goodput over load: m, poisson arrivals, deadline 80 ms"]);
  expect(titles.filter((title) => title?.includes("over time"))).toHaveLength(8);
  expect(page).toContain("possible: 1 / load");
  expect(page).toContain("a: 0.45 at 2");
  expect(page).not.toMatch(/(?:src|href|url)\s*[=(]/);
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
});

test("a rejected run stays in the table with its reason and draws no point over load", () => {
  const rejected = { ...result("a", 3), valid: false, invalidBecause: ["the generator was late"] };
  const page = renderPage([result("a", 1), result("a", 2), rejected]);
  expect(page).toContain("rejected: the generator was late");
  expect(page).not.toContain("at 3<");
});

test("names are text", () => {
  expect(renderPage([result("<script>x</script>", 1)])).not.toContain("<script>");
});

test("ticks are round and cover the range", () => {
  expect(ticks(0, 1.02)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  expect(ticks(0.5, 5)).toEqual([1, 2, 3, 4, 5]);
  expect(ticks(0, 2400)).toEqual([0, 500, 1000, 1500, 2000]);
});
