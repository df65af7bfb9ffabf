// When a run says nothing about the server because the generator itself was too slow.

import type { Percentiles } from "../clients/load-spec.ts";

/** Limits of the generator. */
export interface ValidityLimits {
  /** Lateness p99 in milliseconds. Default 1. */
  readonly maxLatenessP99Ms: number;
  /** Share of one core. Default 0.7. */
  readonly maxCpuShare: number;
}

/** The limits of batching.md. */
export const defaultLimits: ValidityLimits = { maxLatenessP99Ms: 1, maxCpuShare: 0.7 };

/** Why a run has to be thrown away; empty when it counts. */
export function whyInvalid(latenessMs: Percentiles, cpuShare: number, limits: ValidityLimits): readonly string[] {
  const reasons: string[] = [];
  if (latenessMs.count === 0) reasons.push("no call was due in the measured time");
  else if (latenessMs.p99 > limits.maxLatenessP99Ms) {
    reasons.push(`the generator was late: p99 ${latenessMs.p99.toFixed(2)} ms, allowed ${limits.maxLatenessP99Ms} ms`);
  }
  if (cpuShare > limits.maxCpuShare) {
    reasons.push(`the generator was busy: ${(100 * cpuShare).toFixed(0)} % of a core, allowed ${(100 * limits.maxCpuShare).toFixed(0)} %`);
  }
  return reasons;
}
