// A clock for simulations: time jumps from event to event.

import type { Clock } from "../../../../src/lib/clock.ts";

interface Event {
  readonly at: number;
  readonly order: number;
  callback: (() => void) | undefined;
}

/** Time goes on only when the simulation says so. */
export interface VirtualClock extends Clock {
  /** When the next timer fires; Infinity without one. */
  readonly nextAt: number;
  /** Moves time on without firing anything. */
  moveTo(at: number): void;
  /** Moves time on to the next timer and fires it. */
  fireNext(): void;
}

/** Makes a clock; it begins far ahead of `performance.now()`, so that no real timer ever meets its deadlines. */
export function createVirtualClock(): VirtualClock {
  const heap: Event[] = [];
  let now = 1e9;
  let count = 0;
  const before = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
  const push = (event: Event): void => {
    let index = heap.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(event, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = event;
  };
  const pop = (): Event => {
    const head = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return head;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return head;
  };
  const dropCancelled = (): void => {
    while (heap.length > 0 && heap[0]!.callback === undefined) pop();
  };
  return {
    now: () => now,
    after(ms, callback) {
      const event: Event = { at: now + Math.max(0, ms), order: count++, callback };
      push(event);
      return () => (event.callback = undefined);
    },
    get nextAt() {
      dropCancelled();
      return heap[0]?.at ?? Infinity;
    },
    moveTo(at) {
      now = Math.max(now, at);
    },
    fireNext() {
      dropCancelled();
      const event = pop();
      now = Math.max(now, event.at);
      event.callback?.();
    },
  };
}
