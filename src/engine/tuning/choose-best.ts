// Turns measurements into a table of choices and picks one of them.

import type { Sizes } from "./candidates.ts";
import type { GoodputOptions } from "./goodput.ts";
import { goodputPerSecond } from "./goodput.ts";
import type { Measurement } from "./measurement.ts";
import { medianOf } from "./measurement.ts";

/** One choice and what it is worth. */
export interface TuneRow extends Sizes {
  /** Most rows in one run. */
  readonly maxBatchSize: number;
  /** Median run of a full batch while all instances run, in milliseconds. */
  readonly p50RunMs: number;
  /** Rows per second when full batches follow each other on every instance. */
  readonly saturatedPerSecond: number;
  /** Largest rate of requests of one row at which 99 % of them are answered within the objective; 0 when none is. */
  readonly goodputPerSecond: number;
  /** Memory of the server's processes while the sessions stood, in bytes. */
  readonly memoryBytes: number;
}

/** Choices that are worth so much of the best one count as equal: more would be read from noise. */
const NEARLY = 0.97;

/**
 * A row for every size of batch that was measured.
 * @param onlyRows the one size to consider, or the largest that was measured where that one is too slow for the objective; all by default.
 */
export async function rowsOf(measurement: Measurement, options: GoodputOptions, onlyRows?: number): Promise<readonly TuneRow[]> {
  const { instances, intraOpThreads, memoryBytes, sizes } = measurement;
  const rows: TuneRow[] = [];
  for (const { rows: maxBatchSize, busyMs, runMs } of sizes) {
    if (onlyRows !== undefined && maxBatchSize !== Math.min(onlyRows, sizes.at(-1)!.rows)) continue;
    rows.push({
      instances,
      intraOpThreads,
      maxBatchSize,
      p50RunMs: medianOf(runMs),
      saturatedPerSecond: (instances * maxBatchSize * 1000) / medianOf(busyMs),
      goodputPerSecond: goodputPerSecond(measurement, maxBatchSize, options),
      memoryBytes,
    });
    // Each takes some milliseconds, and other models may be serving.
    await new Promise(setImmediate);
  }
  return rows;
}

/** The best row of each choice of instances and threads, in the order of their first rows. */
export function bestOfEach(rows: readonly TuneRow[]): readonly TuneRow[] {
  return [...Map.groupBy(rows, ({ instances, intraOpThreads }) => `${instances} ${intraOpThreads}`).values()].map(
    (group) => chooseBest(group) ?? group[0]!,
  );
}

/**
 * The choice with the best goodput; among those that are nearly as good the one with fewest instances, since each holds the weights once
 * more, then with fewest threads, then the smallest batch whose throughput is nearly the best of these: whoever is urgent waits for a batch.
 * Undefined when nothing is answered within the objective.
 */
export function chooseBest(rows: readonly TuneRow[]): TuneRow | undefined {
  const most = Math.max(0, ...rows.map((row) => row.goodputPerSecond));
  if (most === 0) return undefined;
  const good = rows.filter((row) => row.goodputPerSecond >= NEARLY * most);
  const instances = Math.min(...good.map((row) => row.instances));
  const few = good.filter((row) => row.instances === instances);
  const intraOpThreads = Math.min(...few.map((row) => row.intraOpThreads));
  const least = few.filter((row) => row.intraOpThreads === intraOpThreads).toSorted((a, b) => a.maxBatchSize - b.maxBatchSize);
  const fastest = Math.max(...least.map((row) => row.saturatedPerSecond));
  return least.find((row) => row.saturatedPerSecond >= NEARLY * fastest);
}
