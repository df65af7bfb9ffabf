// Turns the books of a run into its result.

import { createSamples } from "../clients/samples.ts";
import type { Played } from "./player.ts";
import type { Records } from "./records.ts";
import type { Bin, Counts, LoadgenResult, Refusals } from "./result.ts";
import { measuredSeconds } from "./schedule.ts";
import type { Schedule } from "./schedule.ts";
import { whyInvalid } from "./validity.ts";
import type { ValidityLimits } from "./validity.ts";

const quickRefusalMs = 5;
const shortRunSeconds = 20;
const shortBinMs = 100;
const longBinMs = 1000;

/** What the caller of a run knows about it. */
export interface RunFacts {
  readonly name: string;
  readonly label: string;
  readonly load?: number;
  readonly target: string;
  readonly meanBatch?: number;
  readonly limits: ValidityLimits;
  /** Width of the bins of the series; by default 100 ms, of runs above 20 s 1 s. */
  readonly binMs?: number;
}

/** What a call came to, lateness told apart by its own deadline. */
function groupOf(records: Records, index: number, deadlineMs: number): keyof Counts {
  const outcome = records.outcome[index];
  if (outcome === undefined) throw new Error("A call without an outcome. This is a bug.");
  if (outcome !== "ok") return outcome;
  return records.endMs[index]! <= deadlineMs ? "good" : "late";
}

function count(schedule: Schedule, records: Records, indices: readonly number[]): Counts {
  const counts = { offered: indices.length, good: 0, late: 0, unanswered: 0, refused: 0, unsent: 0, lost: 0 };
  for (const index of indices) counts[groupOf(records, index, schedule.classes[schedule.classOf[index]!]!.deadlineMs)]++;
  return counts;
}

function binsOf(schedule: Schedule, records: Records, measured: readonly number[], binMs: number): readonly Bin[] {
  const fromMs = schedule.spec.warmupSeconds * 1000;
  const bins: number[][] = Array.from({ length: Math.ceil((measuredSeconds(schedule.spec) * 1000) / binMs) }, () => []);
  for (const index of measured) bins[Math.min(bins.length - 1, Math.floor((schedule.atMs[index]! - fromMs) / binMs))]!.push(index);
  return bins.map((indices, i) => {
    const latency = createSamples();
    for (const index of indices) if (records.outcome[index] === "ok") latency.add(records.endMs[index]!);
    const { p50, p99, count: answers } = latency.percentiles();
    const percentiles = answers === 0 ? {} : { p50Ms: p50, p99Ms: p99 };
    return { atMs: i * binMs, ...count(schedule, records, indices), ...percentiles };
  });
}

function refusalsOf(records: Records, measured: readonly number[]): Refusals | undefined {
  const ms = createSamples();
  let quick = 0;
  let staged = 0;
  let onArrival = 0;
  for (const index of measured) {
    if (records.outcome[index] !== "refused") continue;
    const tookMs = records.endMs[index]!;
    ms.add(tookMs);
    if (tookMs <= quickRefusalMs) quick++;
    const stage = records.ending[index]?.stage;
    if (stage === undefined) continue;
    staged++;
    if (stage === "admit") onArrival++;
  }
  const percentiles = ms.percentiles();
  if (percentiles.count === 0) return undefined;
  return { ms: percentiles, within5Ms: quick / percentiles.count, onArrival: staged === 0 ? undefined : onArrival / percentiles.count };
}

function tallyEndings(records: Records, measured: readonly number[]): Pick<LoadgenResult, "byStatus" | "byReason"> {
  const byStatus: Record<string, number> = {};
  const byReason: Record<string, number> = {};
  for (const index of measured) {
    const ending = records.ending[index];
    const status = ending?.status ?? (records.outcome[index] === "unsent" ? "UNSENT" : "UNANSWERED");
    byStatus[status] = (byStatus[status] ?? 0) + 1;
    if (ending?.reason === undefined) continue;
    const reason = [status, ending.reason, ...(ending.stage === undefined ? [] : [ending.stage])].join(" ");
    byReason[reason] = (byReason[reason] ?? 0) + 1;
  }
  return { byStatus, byReason };
}

/** The result of a run; calls of the warm-up are left out. */
export function summarise(schedule: Schedule, played: Played, facts: RunFacts): LoadgenResult {
  const { records, blockedCount, cpuShare, connectionCount } = played;
  const { spec, classes, atMs, classOf } = schedule;
  const measured = atMs.flatMap((at, index) => (at >= spec.warmupSeconds * 1000 ? [index] : []));
  const counts = count(schedule, records, measured);
  const latency = createSamples();
  const lateness = createSamples();
  for (const index of measured) {
    lateness.add(records.latenessMs[index]!);
    if (records.outcome[index] === "ok") latency.add(records.endMs[index]!);
  }
  const latencyMs = latency.percentiles();
  const latenessMs = lateness.percentiles();
  const invalidBecause = whyInvalid(latenessMs, cpuShare, facts.limits);
  const binMs = facts.binMs ?? (measuredSeconds(spec) > shortRunSeconds ? longBinMs : shortBinMs);
  const byClass = classes.map((callClass, i) => {
    const own = count(
      schedule,
      records,
      measured.filter((index) => classOf[index] === i),
    );
    return { ...callClass, ...own, goodput: own.good / own.offered };
  });
  return {
    name: facts.name,
    label: facts.label,
    load: facts.load,
    target: facts.target,
    schedule: spec,
    valid: invalidBecause.length === 0,
    invalidBecause,
    ...counts,
    goodput: counts.good / counts.offered,
    lateShare: (counts.late + counts.unanswered) / counts.offered,
    ...tallyEndings(records, measured),
    latencyMs: latencyMs.count === 0 ? undefined : latencyMs,
    refusals: refusalsOf(records, measured),
    meanBatch: facts.meanBatch,
    generator: { latenessMs, cpuShare, blockedCount, connectionCount },
    byClass: byClass.length > 1 ? byClass : [],
    binMs,
    series: binsOf(schedule, records, measured, binMs),
  };
}
