// How many rows wait with deadlines up to a given one.

/** Deadlines are told apart by the millisecond, this far ahead; a power of two. */
const TICKS = 4096;
const MASK = TICKS - 1;

/** The tick of what lies further ahead. */
const BEYOND = TICKS;

/** The tick of what is not counted. */
export const UNCOUNTED = -1;

/**
 * A Fenwick tree over a ring of ticks: counting and asking cost a dozen steps. What lies further ahead than the ring counts only for
 * those who lie further ahead too. Rows whose deadline has passed are not counted; they will not run.
 */
export class DeadlineIndex {
  readonly #tree = new Int32Array(TICKS + 1);
  #inRing = 0;
  #beyond = 0;

  /** Adds rows. @returns the tick, by which they are removed again. */
  add(deadline: number, rows: number, now: number): number {
    if (deadline - now >= MASK) {
      this.#beyond += rows;
      return BEYOND;
    }
    const tick = Math.floor(Math.max(deadline, now)) & MASK;
    this.#change(tick, rows);
    return tick;
  }

  /** Takes rows out. @param tick as `add` gave it. */
  remove(tick: number, rows: number): void {
    if (tick === BEYOND) this.#beyond -= rows;
    else this.#change(tick, -rows);
  }

  /** Rows whose deadline is not later than this one. */
  rowsUpTo(deadline: number, now: number): number {
    if (deadline - now >= MASK) return this.#inRing + this.#beyond;
    if (this.#inRing === 0 || deadline < now) return 0;
    const first = Math.floor(now) & MASK;
    const last = Math.floor(deadline) & MASK;
    const rows = this.#upTo(last) - this.#upTo(first - 1);
    return first <= last ? rows : this.#inRing + rows;
  }

  #change(tick: number, rows: number): void {
    this.#inRing += rows;
    for (let i = tick + 1; i <= TICKS; i += i & -i) this.#tree[i]! += rows;
  }

  #upTo(tick: number): number {
    let rows = 0;
    for (let i = tick + 1; i > 0; i -= i & -i) rows += this.#tree[i]!;
    return rows;
  }
}
