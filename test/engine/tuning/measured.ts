// Measurements as a sweep would have made them, of models whose run times are known.

import { powersOfTwo } from "../../../src/engine/tuning/candidates.ts";
import type { Measurement } from "../../../src/engine/tuning/measurement.ts";

/** Every batch takes exactly so long. */
export function measured(runMs: (rows: number) => number, maxRows: number, more: Partial<Measurement> = {}): Measurement {
  return {
    instances: 1,
    intraOpThreads: 1,
    execution: "thread",
    provider: "cpu",
    memoryBytes: 0,
    sizes: powersOfTwo(maxRows).map((rows) => ({ rows, busyMs: Array<number>(8).fill(runMs(rows)), runMs: [runMs(rows)] })),
    ...more,
  };
}
