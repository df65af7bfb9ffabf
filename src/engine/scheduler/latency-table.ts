// How long runs of each batch size have taken.

/** Samples kept per batch size; the newest replace the oldest. */
const RING = 64;

/** Run times of one batch size. */
export interface LatencyRow {
  readonly rows: number;
  readonly runs: number;
  readonly meanMs: number;
  readonly p95Ms: number;
}

/** Learns from warm-up and from every run. */
export class LatencyTable {
  readonly #rings = new Map<number, { samples: number[]; next: number }>();

  /** Notes one run. */
  record(rows: number, ms: number): void {
    let ring = this.#rings.get(rows);
    if (ring === undefined) this.#rings.set(rows, (ring = { samples: [], next: 0 }));
    if (ring.samples.length < RING) ring.samples.push(ms);
    else ring.samples[ring.next] = ms;
    ring.next = (ring.next + 1) % RING;
  }

  /**
   * Expected run time of a batch: of the smallest size seen that is not smaller, else of the largest size seen, scaled by rows.
   * @returns milliseconds; 0 when nothing has been seen.
   */
  meanMs(rows: number): number {
    const exact = this.#rings.get(rows);
    if (exact !== undefined) return mean(exact.samples);
    let above = Infinity;
    let largest = 0;
    for (const size of this.#rings.keys()) {
      if (size > rows && size < above) above = size;
      if (size > largest) largest = size;
    }
    if (above !== Infinity) return mean(this.#rings.get(above)!.samples);
    return largest === 0 ? 0 : (mean(this.#rings.get(largest)!.samples) * rows) / largest;
  }

  /** One row per batch size, smallest first. */
  rows(): LatencyRow[] {
    return [...this.#rings]
      .toSorted(([a], [b]) => a - b)
      .map(([rows, { samples }]) => ({ rows, runs: samples.length, meanMs: mean(samples), p95Ms: p95(samples) }));
  }
}

function mean(samples: readonly number[]): number {
  let sum = 0;
  for (const sample of samples) sum += sample;
  return sum / samples.length;
}

function p95(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * 0.95) - 1)]!;
}
