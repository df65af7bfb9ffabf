// Models that run at certain batch sizes only: a batch in between is filled up to the next one, and costs what that one costs.

import type { RunTimes } from "./latency-curve.ts";
import type { Latency } from "./latency-model.ts";

/** Which sizes a run may have. */
export interface AllowedSizes {
  /** The next allowed size that is not smaller; `rows` itself above the largest. */
  readonly up: (rows: number) => number;
  /** The next allowed size that is not larger; 0 below the smallest. */
  readonly down: (rows: number) => number;
}

/** @param sizes ascending, at least one. */
export function createAllowedSizes(sizes: readonly number[]): AllowedSizes {
  const largest = sizes.at(-1)!;
  const up = new Uint32Array(largest + 1);
  const down = new Uint32Array(largest + 1);
  let next = 0;
  for (let rows = 0; rows <= largest; rows++) {
    if (rows > sizes[next]!) next++;
    up[rows] = sizes[next]!;
    down[rows] = rows === sizes[next] ? rows : (sizes[next - 1] ?? 0);
  }
  return {
    up: (rows) => (rows <= largest ? up[rows]! : rows),
    down: (rows) => (rows <= largest ? down[rows]! : largest),
  };
}

/**
 * The size to take of `rows` that wait: the allowed size below them where a row takes less time in it, otherwise all of them, filled up.
 * @param headRows rows of the most urgent request, which must fit. @param curve counts every size as the allowed one that it is filled up to.
 */
export function roundToAllowed(curve: RunTimes, headRows: number, rows: number, sizes: AllowedSizes): number {
  const down = sizes.down(rows);
  if (down === rows || down < headRows) return rows;
  return curve.typicalMs(down) / down < curve.typicalMs(rows) / rows ? down : rows;
}

/** Run times of the sizes that batches are filled up to. */
export class AllowedLatency implements Latency {
  readonly #latency: Latency;
  readonly #sizes: AllowedSizes;
  /** By the curve that it stands before. */
  readonly #curves = new WeakMap<RunTimes, RunTimes>();

  constructor(latency: Latency, sizes: AllowedSizes) {
    this.#latency = latency;
    this.#sizes = sizes;
  }

  record(rows: number, ms: number, at: number, shapeKey: string): void {
    this.#latency.record(rows, ms, at, shapeKey);
  }

  curve(shapeKey: string): RunTimes {
    const curve = this.#latency.curve(shapeKey);
    let filledUp = this.#curves.get(curve);
    if (filledUp === undefined) this.#curves.set(curve, (filledUp = fillUp(curve, this.#sizes)));
    return filledUp;
  }
}

function fillUp(curve: RunTimes, sizes: AllowedSizes): RunTimes {
  return {
    get lastAt() {
      return curve.lastAt;
    },
    meanMs: (rows) => curve.meanMs(sizes.up(rows)),
    typicalMs: (rows) => curve.typicalMs(sizes.up(rows)),
    safeMs: (rows) => curve.safeMs(sizes.up(rows)),
    p99Ms: (rows) => curve.p99Ms(sizes.up(rows)),
  };
}
