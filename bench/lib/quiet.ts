// Waits for a shared machine to be quiet, for a bounded time.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const sampleMs = 500;
const quietShare = 0.15;

interface CpuTimes {
  readonly busy: number;
  readonly total: number;
}

function cpuTimes(): CpuTimes {
  // user nice system idle iowait irq softirq steal, in ticks over all cores.
  const ticks = readFileSync("/proc/stat", "utf8").split("\n", 1)[0]!.split(/\s+/).slice(1, 9).map(Number);
  const total = ticks.reduce((sum, value) => sum + value, 0);
  return { busy: total - ticks[3]! - ticks[4]!, total };
}

/**
 * Returns once all cores together were less than 15 % busy for half a second, or after `maxMs`.
 * @returns the share of the machine that was busy in the end; 0 where /proc is missing.
 */
export async function waitQuiet(maxMs: number): Promise<number> {
  try {
    for (const untilMs = performance.now() + maxMs; ;) {
      const before = cpuTimes();
      await sleep(sampleMs);
      const after = cpuTimes();
      const share = (after.busy - before.busy) / (after.total - before.total);
      if (share < quietShare || performance.now() >= untilMs) return share;
    }
  } catch {
    return 0;
  }
}
