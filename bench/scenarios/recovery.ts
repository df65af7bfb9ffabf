// How soon latency is back to normal after a time of three times the load that the server can take.

import type { Bench, Figure, Scenario } from "../lib/bench.ts";
import { capacityOf, oneDeadline, playCase, serveDeadlineModel } from "../lib/deadline-load.ts";
import { readable } from "../lib/numbers.ts";
import type { LoadgenResult } from "../loadgen/result.ts";

const normalLoad = 0.5;
const overloadFactor = 3;
const overloadSeconds = { named: 60, whole: 10, quick: 2 } as const;
const beforeSeconds = 8;
const afterSeconds = 14;
const maxRecoverySeconds = 10;
const binMs = 500;
// As many bins in a row have to be normal, so that one lucky one does not count.
const settledBins = 3;
const minGoodput = 0.99;

/**
 * Seconds after the overload until p99 is no higher than it ever was before while at least 99 % are answered in time; Infinity when that does
 * not come back. p99 alone is of those who are answered, which a server that refuses nearly all keeps low.
 */
export function recoverySeconds(
  { series }: Pick<LoadgenResult, "series">,
  loadEndMs: number,
): { readonly normalMs: number; readonly seconds: number } {
  const isNormal = (atMs: number): boolean => {
    const { p99Ms = Infinity, good = 0, offered = 0 } = series.find((bin) => bin.atMs === atMs) ?? {};
    return p99Ms <= normalMs && good >= minGoodput * offered;
  };
  const before = series.filter((bin) => bin.atMs < beforeSeconds * 1000).map((bin) => bin.p99Ms ?? 0);
  const normalMs = Math.max(...before);
  const after = series.filter((bin) => bin.atMs >= loadEndMs).map((bin) => bin.atMs);
  const back = after.find((_atMs, i) => i + settledBins <= after.length && after.slice(i, i + settledBins).every(isNormal));
  return { normalMs, seconds: back === undefined ? Infinity : (back - loadEndMs) / 1000 };
}

async function run(bench: Bench): Promise<readonly Figure[]> {
  const highSeconds = bench.quick ? overloadSeconds.quick : bench.chosen ? overloadSeconds.named : overloadSeconds.whole;
  const { target } = await serveDeadlineModel(bench);
  const capacity = await capacityOf(target, bench);
  const steps = [
    { factor: normalLoad, seconds: beforeSeconds },
    { factor: overloadFactor, seconds: highSeconds },
    { factor: normalLoad, seconds: afterSeconds },
  ];
  const schedule = {
    name: `${highSeconds} s at ${overloadFactor} x`,
    load: 1,
    deadlinesMs: oneDeadline,
    arrivals: { kind: "steps", steps },
  } as const;
  const result = await playCase(target, schedule, { capacity, seed: 1, seconds: 0 }, { core: bench.cores.client, binMs });
  const endMs = (beforeSeconds + highSeconds) * 1000;
  const { normalMs, seconds } = recoverySeconds(result, endMs);
  const after = result.series.filter((bin) => bin.atMs >= endMs);
  const sum = (pick: (bin: (typeof after)[number]) => number): number => after.reduce((total, bin) => total + pick(bin), 0);
  const never = seconds === Infinity ? `; not back within ${afterSeconds} s` : "";
  const validity = result.valid ? "" : `; to be thrown away: ${result.invalidBecause.join("; ")}`;
  return [
    {
      name: `p99 and goodput back to normal after ${highSeconds} s at ${overloadFactor} x`,
      value: result.valid ? seconds : Number.NaN,
      unit: "s",
      target: { atMost: maxRecoverySeconds },
      note: `normal: at most ${readable(normalMs)} ms, as in each ${binMs} ms of ${beforeSeconds} s before at ${normalLoad} x of ${readable(capacity)} rows/s, and ${100 * minGoodput} % in time; goodput afterwards ${readable(sum(({ good }) => good) / sum(({ offered }) => offered))}; worst p99 afterwards ${readable(Math.max(...after.map(({ p99Ms }) => p99Ms ?? 0)))} ms${never}${validity}`,
    },
  ];
}

/** 60 s of overload when asked for by name. */
export const recovery: Scenario = {
  name: "recovery",
  about:
    "Half load, then three times the capacity (for 60 s when asked for by name), then half load again: when p99 is as before and 99 % are answered in time.",
  run,
};
