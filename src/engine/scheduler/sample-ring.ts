// The latest run times of one batch size, and what they say.

/** Samples kept; the newest replace the oldest. */
const RING = 64;

/** Age from which a sample no longer counts while there are newer ones, in milliseconds. */
const MAX_AGE_MS = 30_000;

/** The newest samples count whatever their age: an old measurement says more than none. */
const MIN_KEPT = 4;

/** Below this number samples weigh less than their number says: a single stalled run must not speak for larger batches. */
const MIN_TRUSTED = 4;

/** Samples that are too old weigh less by this factor. */
const OLD_SHARE = 1 / 4;

/**
 * Of few samples stalls are told from what runs take: how far the largest may stand out from the next one, how far the percentile from
 * the median, and what few means. A size that looks too slow is not run, and would look so for ever.
 */
const MAX_STEP = 1.25;
const MAX_SPREAD = 2;
const FEW = 16;

/** A ring of run times with the time of each. */
export class SampleRing {
  /** When the newest sample was taken. */
  lastAt = -Infinity;
  /** How much these samples weigh beside those of other sizes: their number, little when all are old. */
  weight = 0;
  meanMs = 0;
  /** The lower one of two. */
  medianMs = 0;
  p95Ms = 0;
  /** With so few samples it is the largest one. */
  p99Ms = 0;
  readonly #values: number[] = [];
  readonly #times: number[] = [];
  #next = 0;
  #isNew = false;
  #hasWarmed = false;
  #hasSuspect = false;
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
    this.lastAt = at;
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
    this.lastAt = at;
    this.#isNew = true;
  }

  /** Whether this run should be left out: the size is new, and the first one that is so much slower than the others say is a stall. */
  isSuspect(ms: number, expectedMs: number): boolean {
    if (this.#values.length >= MIN_TRUSTED || ms <= MAX_SPREAD * expectedMs || this.#hasSuspect) return false;
    this.#hasSuspect = true;
    return true;
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
    const counted = fresh > 0 ? fresh : kept * OLD_SHARE;
    this.weight = Math.min(counted, (counted * kept) / MIN_TRUSTED);
    this.meanMs = sum / kept;
    this.medianMs = sorted[(kept - 1) >> 1]!;
    this.p95Ms = percentile95(sorted);
    this.p99Ms = sorted[kept - 1]!;
  }
}

/** Shared by all rings, which are summarized one after the other. */
const scratch = new Float64Array(RING);

/** Of few samples it is the largest one, unless that one stands out. @param sorted not empty. */
function percentile95(sorted: Float64Array): number {
  const { length } = sorted;
  const rank = Math.ceil(length * 0.95) - 1;
  if (rank < length - 1 || length === 1) return sorted[rank]!;
  const ms = Math.min(sorted[rank]!, MAX_STEP * sorted[rank - 1]!);
  return length < FEW ? Math.min(ms, MAX_SPREAD * sorted[(length - 1) >> 1]!) : ms;
}
