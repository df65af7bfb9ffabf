// The latest run times of one batch size, and what they say.

/** Samples kept; the newest replace the oldest. */
const RING = 64;

/** Age from which a sample no longer counts while there are newer ones, in milliseconds. */
const MAX_AGE_MS = 30_000;

/** The newest samples count whatever their age: an old measurement says more than none. */
const MIN_KEPT = 4;

/** How much samples weigh that are too old. */
const OLD_WEIGHT = 1;

/** A ring of run times with the time of each. */
export class SampleRing {
  /** How much these samples weigh beside those of other sizes: their number, little when all are old. */
  weight = 0;
  meanMs = 0;
  p95Ms = 0;
  /** With so few samples it is the largest one. */
  p99Ms = 0;
  readonly #values: number[] = [];
  readonly #times: number[] = [];
  #next = 0;
  #isNew = false;
  #hasWarmed = false;
  /** When a sample becomes too old. */
  #staleAt = Infinity;

  /** Samples in the ring, old ones included. */
  get size(): number {
    return this.#values.length;
  }

  /** Notes a run. */
  push(ms: number, at: number): void {
    this.#values[this.#next] = ms;
    this.#times[this.#next] = at;
    this.#next = (this.#next + 1) % RING;
    this.#isNew = true;
  }

  /** Notes a run; the second one takes the place of the first, which had to warm up. */
  pushWarming(ms: number, at: number): void {
    if (this.#values.length !== 1 || this.#hasWarmed) {
      this.push(ms, at);
      return;
    }
    this.#hasWarmed = true;
    this.#values[0] = Math.min(this.#values[0]!, ms);
    this.#times[0] = at;
    this.#isNew = true;
  }

  /** Brings mean and percentiles up to date; a few comparisons when nothing has changed. */
  summarize(now: number): void {
    if (!this.#isNew && now < this.#staleAt) return;
    this.#isNew = false;
    const { length } = this.#values;
    let kept = 0;
    let sum = 0;
    let fresh = 0;
    this.#staleAt = Infinity;
    // Newest first.
    for (let i = 1; i <= length; i++) {
      const index = (this.#next - i + RING) % RING;
      const at = this.#times[index]!;
      const isFresh = now - at < MAX_AGE_MS;
      if (!isFresh && kept >= MIN_KEPT) break;
      if (isFresh) {
        fresh++;
        this.#staleAt = at + MAX_AGE_MS;
      }
      const ms = this.#values[index]!;
      scratch[kept++] = ms;
      sum += ms;
    }
    const sorted = scratch.subarray(0, kept).toSorted();
    this.weight = Math.max(fresh, OLD_WEIGHT);
    this.meanMs = sum / kept;
    this.p95Ms = percentile(sorted, 0.95);
    this.p99Ms = sorted[kept - 1]!;
  }
}

/** Shared by all rings, which are summarized one after the other. */
const scratch = new Float64Array(RING);

/** Rounded down, so that of few samples a single stalled one is not the 95th percentile. @param sorted not empty. */
function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.floor((sorted.length - 1) * share)]!;
}
