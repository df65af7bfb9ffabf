// Collects durations and tells their percentiles.

import type { Percentiles } from "./load-spec.ts";

/** A growing list of numbers without an object per entry. */
export interface Samples {
  add(value: number): void;
  percentiles(): Percentiles;
}

/** Creates an empty collection. */
export function createSamples(): Samples {
  let values = new Float64Array(1 << 16);
  let count = 0;
  return {
    add(value) {
      if (count === values.length) {
        const larger = new Float64Array(values.length * 2);
        larger.set(values);
        values = larger;
      }
      values[count++] = value;
    },
    percentiles() {
      const sorted = values.subarray(0, count).toSorted();
      const at = (share: number): number => (count === 0 ? Number.NaN : sorted[Math.min(count - 1, Math.floor(share * count))]!);
      let sum = 0;
      for (const value of sorted) sum += value;
      return { count, mean: sum / count, p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1) };
    },
  };
}
