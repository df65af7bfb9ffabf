// A binary heap that knows where each of its items stands.

/** Items in an order; any of them leaves in O(log n), wherever it stands. Subclasses say what the order is and where an item keeps its place. */
export abstract class IndexedHeap<Item> {
  readonly #items: Item[] = [];

  /** The first item. */
  get head(): Item | undefined {
    return this.#items[0];
  }

  /** Items in the heap. */
  get size(): number {
    return this.#items.length;
  }

  /** Adds an item. */
  push(item: Item): void {
    this.#items.push(item);
    this.#up(item, this.#items.length - 1);
  }

  /** Takes an item out. @throws when it is not here. */
  remove(item: Item): void {
    const index = this.placeOf(item);
    if (this.#items[index] !== item) throw new Error("The item is not in this heap. This is a bug.");
    this.putAt(item, -1);
    const last = this.#items.pop()!;
    if (last === item) return;
    this.#up(last, index);
    this.#down(last, this.placeOf(last));
  }

  /** Whether an item goes before another one. */
  protected abstract isBefore(a: Item, b: Item): boolean;

  /** Where the item has been put; -1 when it is not here. */
  protected abstract placeOf(item: Item): number;

  /** Notes where the item stands; -1 when it has left. */
  protected abstract putAt(item: Item, index: number): void;

  #up(item: Item, start: number): void {
    const items = this.#items;
    let index = start;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = items[parentIndex]!;
      if (!this.isBefore(item, parent)) break;
      items[index] = parent;
      this.putAt(parent, index);
      index = parentIndex;
    }
    items[index] = item;
    this.putAt(item, index);
  }

  #down(item: Item, start: number): void {
    const items = this.#items;
    let index = start;
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= items.length) break;
      if (childIndex + 1 < items.length && this.isBefore(items[childIndex + 1]!, items[childIndex]!)) childIndex++;
      const child = items[childIndex]!;
      if (!this.isBefore(child, item)) break;
      items[index] = child;
      this.putAt(child, index);
      index = childIndex;
    }
    items[index] = item;
    this.putAt(item, index);
  }
}
