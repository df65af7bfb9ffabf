// How long runs take by their rows: what was measured, made monotone and looked up in constant time.

import { makeIsotonic } from "./isotonic.ts";
import { SampleRing } from "./sample-ring.ts";

/** Batch sizes that are told apart; further ones count as the next smaller known one. */
const MAX_SIZES = 512;

/** Rows up to which every number has an entry of its own in the tables. */
const MAX_TABLE_ROWS = 4096;

/** A curve is fitted at every run until it has so many samples, then after some runs and some time, which grows with the sizes seen. */
const EAGER_RUNS = 32;
const REFIT_RUNS = 8;
const REFIT_MS = 10;
const REFIT_MS_PER_SIZE = 1;

/**
 * A size that has not run for so long, while smaller ones have, is not believed to take longer per row than they do now. Otherwise one that
 * was measured in a slow hour would be refused, never run, and stay slow.
 */
const FRESH_MS = 1000;

/** The safe prediction: nearly everybody is done by then, but one stalled run does not stop a server from trying. */
const MAX_SAFE_RATIO = 1.6;
const SAFE_MARGIN = 1.05;

/** What to expect of runs of one shape, in milliseconds by rows; 0 while nothing is known. Never falls with the rows. */
export interface RunTimes {
  /** When the last run was noted, on the scheduler's clock. */
  readonly lastAt: number;
  /** The expected run time. */
  meanMs(rows: number): number;
  /** The median: what a run costs when nothing disturbs it. */
  typicalMs(rows: number): number;
  /** A run time that few batches exceed. */
  safeMs(rows: number): number;
  /** A run time that hardly any batch exceeds. */
  p99Ms(rows: number): number;
}

/** Run times of one batch size, as measured. */
export interface LatencyRow {
  readonly rows: number;
  readonly runs: number;
  readonly meanMs: number;
  readonly p95Ms: number;
}

/**
 * Learns from every run of one shape. Between the sizes seen it interpolates; below the smallest it keeps that one's time; above the
 * largest it goes on with the mean slope of the curve, or in proportion when only one size is known. All of it is 0 before the first run.
 */
export class LatencyCurve implements RunTimes {
  lastAt = -Infinity;
  readonly #warms: boolean;
  readonly #sizes: number[] = [];
  readonly #rings = new Map<number, SampleRing>();
  #runs = 0;
  #sinceFit = 0;
  #fittedAt = -Infinity;
  #largest = 0;
  #mean: Float64Array = EMPTY;
  #median: Float64Array = EMPTY;
  #p95: Float64Array = EMPTY;
  #p99: Float64Array = EMPTY;

  /** @param warms whether the first run of a size is slower than those that follow. */
  constructor(warms: boolean) {
    this.#warms = warms;
  }

  /** Runs noted. */
  get runs(): number {
    return this.#runs;
  }

  /** Notes one run. @param at on the scheduler's clock. */
  record(rows: number, ms: number, at: number): void {
    const ring = this.#ringOf(rows);
    this.lastAt = at;
    if (this.#runs >= EAGER_RUNS && ring.isSuspect(ms, this.typicalMs(rows))) return;
    if (ring.size === 0) this.#enter(rows);
    if (this.#warms) ring.pushWarming(ms, at);
    else ring.push(ms, at);
    this.#runs++;
    this.#sinceFit++;
    const due = this.#sinceFit >= REFIT_RUNS && at - this.#fittedAt >= REFIT_MS + REFIT_MS_PER_SIZE * this.#sizes.length;
    if (due || this.#runs <= EAGER_RUNS) this.#fit(at);
  }

  meanMs(rows: number): number {
    return rows < this.#mean.length ? this.#mean[rows]! : this.#beyond(this.#mean, rows);
  }

  typicalMs(rows: number): number {
    return rows < this.#median.length ? this.#median[rows]! : this.#beyond(this.#median, rows);
  }

  safeMs(rows: number): number {
    if (rows < this.#mean.length) return safe(this.#mean[rows]!, this.#p95[rows]!);
    return safe(this.#beyond(this.#mean, rows), this.#beyond(this.#p95, rows));
  }

  p99Ms(rows: number): number {
    return rows < this.#p99.length ? this.#p99[rows]! : this.#beyond(this.#p99, rows);
  }

  /** One row per batch size as measured, smallest first; the runs noted last count from here on too. */
  rows(): LatencyRow[] {
    if (this.#sinceFit > 0) this.#fit(this.lastAt);
    return this.#sizes.map((rows) => {
      const ring = this.#rings.get(rows)!;
      return { rows, runs: ring.size, meanMs: ring.meanMs, p95Ms: ring.p95Ms };
    });
  }

  #ringOf(rows: number): SampleRing {
    let ring = this.#rings.get(rows);
    if (ring !== undefined) return ring;
    if (this.#rings.size >= MAX_SIZES) {
      const smaller = this.#sizes.findLast((size) => size < rows) ?? this.#sizes[0]!;
      return this.#rings.get(smaller)!;
    }
    this.#rings.set(rows, (ring = new SampleRing()));
    return ring;
  }

  /** A size counts once it has a sample. */
  #enter(rows: number): void {
    this.#sizes.push(rows);
    this.#sizes.sort((a, b) => a - b);
  }

  #fit(at: number): void {
    this.#sinceFit = 0;
    this.#fittedAt = at;
    const count = this.#sizes.length;
    const weights: number[] = [];
    const mean = new Float64Array(count);
    const median = new Float64Array(count);
    const p95 = new Float64Array(count);
    const p99 = new Float64Array(count);
    let fresh = -1;
    for (let i = 0; i < count; i++) {
      const ring = this.#rings.get(this.#sizes[i]!)!;
      ring.summarize(at);
      if (at - ring.lastAt < FRESH_MS) fresh = i;
      weights.push(ring.weight);
      mean[i] = ring.meanMs;
      median[i] = ring.medianMs;
      p95[i] = ring.p95Ms;
      p99[i] = ring.p99Ms;
      if (fresh === -1 || fresh === i) continue;
      const growth = this.#sizes[i]! / this.#sizes[fresh]!;
      for (const values of [mean, median, p95]) values[i] = Math.min(values[i]!, growth * values[fresh]!);
    }
    this.#largest = this.#sizes.at(-1)!;
    this.#mean = this.#toTable(mean, weights, this.#mean);
    this.#median = this.#toTable(median, weights, this.#median);
    this.#p95 = this.#toTable(p95, weights, this.#p95);
    this.#p99 = this.#toTable(p99, weights, this.#p99);
  }

  /** Values by rows, from 0 to the largest size or the end of the table. */
  #toTable(values: Float64Array, weights: readonly number[], old: Float64Array): Float64Array {
    makeIsotonic(values, weights);
    const length = Math.min(this.#largest, MAX_TABLE_ROWS) + 1;
    const table = old.length === length ? old : new Float64Array(length);
    let row = 0;
    for (let i = 0; i < values.length && row < length; i++) {
      const size = this.#sizes[i]!;
      const value = values[i]!;
      const before = i === 0 ? 0 : this.#sizes[i - 1]!;
      const slope = i === 0 ? 0 : (value - values[i - 1]!) / (size - before);
      for (; row <= size && row < length; row++) table[row] = value - slope * (size - row);
    }
    return table;
  }

  /** Sizes that no table has: rare, and far from what was measured anyway. */
  #beyond(table: Float64Array, rows: number): number {
    const last = table.length - 1;
    if (last < 0) return 0;
    const first = this.#sizes[0]!;
    if (last <= first) return (table[last]! * rows) / last;
    return table[last]! + ((rows - last) * (table[last]! - table[first]!)) / (last - first);
  }
}

const EMPTY = new Float64Array(0);

function safe(mean: number, p95: number): number {
  return Math.min(p95, MAX_SAFE_RATIO * mean) * SAFE_MARGIN;
}
