// How fast rows have been arriving of late.

/** Share of a new arrival in the averages. */
const SHARE = 1 / 32;

/** A pause counts for no more than this, in milliseconds: what comes after it says more. */
const MAX_GAP_MS = 1000;

/** Moving averages of the gaps between requests and of their rows. */
export class ArrivalRate {
  #gapMs = MAX_GAP_MS;
  #rows = 1;
  #lastAt = -Infinity;

  /** When the last request came. */
  get lastAt(): number {
    return this.#lastAt;
  }

  /** Rows per millisecond. */
  get rowsPerMs(): number {
    return this.#rows / Math.max(this.#gapMs, 1e-3);
  }

  /** Notes an arrival, refused or not. */
  note(rows: number, now: number): void {
    this.#gapMs += (Math.min(now - this.#lastAt, MAX_GAP_MS) - this.#gapMs) * SHARE;
    this.#rows += (rows - this.#rows) * SHARE;
    this.#lastAt = now;
  }
}
