// A collection for what comes and goes all the time.

/** What can be put into a bag; only the bag writes the field. */
export interface Bagged {
  /** Place in its bag; -1 outside. */
  bagIndex: number;
}

/**
 * Adds and removes in constant time, in no order. Unlike a Set it never rebuilds its table: tables that were rebuilt die in the old
 * generation, and until the next mark-compact everything they point to survives every scavenge.
 */
export class Bag<T extends Bagged> {
  readonly #items: T[] = [];

  /** Items inside. */
  get size(): number {
    return this.#items.length;
  }

  /** Puts an item in. */
  add(item: T): void {
    item.bagIndex = this.#items.length;
    this.#items.push(item);
  }

  /** Takes an item out; one that is not inside is left alone. */
  delete(item: T): void {
    const index = item.bagIndex;
    if (this.#items[index] !== item) return;
    item.bagIndex = -1;
    const last = this.#items.pop()!;
    if (last === item) return;
    last.bagIndex = index;
    this.#items[index] = last;
  }

  /** A copy of what is inside. */
  toArray(): readonly T[] {
    return [...this.#items];
  }
}
