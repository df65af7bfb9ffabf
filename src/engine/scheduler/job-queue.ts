// The waiting jobs of one model version, grouped by shape.

import { DeadlineIndex, UNCOUNTED } from "./deadline-index.ts";
import { ExpiryHeap } from "./expiry-heap.ts";
import type { Job } from "./job.ts";
import type { JobHeap } from "./job-heap.ts";
import { goesBefore } from "./job-order.ts";
import type { Level } from "./levels.ts";
import { ShapeQueue } from "./shape-queue.ts";

/** How many jobs that do not fit the rows left are looked past while a batch is filled. */
const MAX_LOOK_AHEAD = 16;

/** Levels that are kept although nobody waits on them. */
const MAX_KNOWN_LEVELS = 64;

function forget(level: Level): void {
  level.isKnown = false;
  level.index = undefined;
}

/** What may go into a batch. */
export interface BatchLimits {
  readonly rows: number;
  readonly bytes: number;
  readonly jobs: number;
  /** No job joins behind a less urgent one, or one of another rank, if its deadline is earlier. */
  readonly endsAt: number;
}

/** Jobs of equal shape share a batch; the first job of all shapes decides which shape goes next. */
export class JobQueue {
  readonly #guardEvery: number;
  readonly #shapes = new Map<string, ShapeQueue>();
  /** The shape that goes next, while that is known: there may be thousands, and every arrival asks. */
  #next: ShapeQueue | undefined;
  /** Those on which somebody has ever waited, highest first. */
  #levels: readonly Level[] = [];
  readonly #expiry = new ExpiryHeap();
  #rows = 0;
  #bytes = 0;
  #size = 0;

  /** @param guardEvery one batch in so many is led by each lower level that has work. */
  constructor(guardEvery: number) {
    this.#guardEvery = guardEvery;
  }

  /** Rows waiting. */
  get rows(): number {
    return this.#rows;
  }

  /** Input bytes waiting. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Jobs waiting. */
  get size(): number {
    return this.#size;
  }

  /** Shapes known now; one that is always there counts even when it has no jobs. */
  get shapeCount(): number {
    return this.#shapes.size;
  }

  /** Those known now. */
  get shapes(): Iterable<ShapeQueue> {
    return this.#shapes.values();
  }

  /** The job whose last possible start comes first, of those that are watched. */
  get nextToExpire(): Job | undefined {
    return this.#expiry.head;
  }

  /** The jobs of the shape that goes next by the order alone, which are at least one; undefined when nothing waits. */
  next(): ShapeQueue | undefined {
    return this.#rows === 0 ? undefined : (this.#next ??= this.#findNext());
  }

  #findNext(): ShapeQueue | undefined {
    let next: ShapeQueue | undefined;
    let nextHead: Job | undefined;
    for (const shape of this.#shapes.values()) {
      const { head } = shape;
      if (head === undefined || (nextHead !== undefined && !goesBefore(head, nextHead))) continue;
      next = shape;
      nextHead = head;
    }
    return next;
  }

  /** The shape and the rank that lead the next batch: as `next` says, or a lower level whose turn has come. */
  lead(): { readonly shape: ShapeQueue; readonly heap: JobHeap } | undefined {
    const shape = this.next();
    if (shape === undefined) return undefined;
    const heap = shape.heaps.find(({ size }) => size > 0)!;
    for (const level of this.#levels) {
      if (level.number <= heap.rank >> 1 || level.rows === 0 || level.passedOver < this.#guardEvery - 1) continue;
      let lead: { readonly shape: ShapeQueue; readonly heap: JobHeap } | undefined;
      for (const candidate of this.#shapes.values()) {
        const own = candidate.heapOfLevel(level.number);
        if (own !== undefined && (lead === undefined || goesBefore(own.head!, lead.heap.head!))) lead = { shape: candidate, heap: own };
      }
      return lead;
    }
    return { shape, heap };
  }

  /** Adds a job. */
  push(job: Job): void {
    let shape = this.#shapes.get(job.shapeKey);
    if (shape === undefined) this.#shapes.set(job.shapeKey, (shape = new ShapeQueue(job.shapeKey)));
    shape.push(job);
    if (this.#size === 0 || (this.#next !== undefined && goesBefore(job, this.#next.head!))) this.#next = shape;
    this.#rows += job.rows;
    this.#bytes += job.bytes;
    this.#size++;
    const { level } = job.pending;
    if (!level.isKnown) this.#add(level);
    level.rows += job.rows;
    if (job.pending.waiting++ === 0) level.waiting++;
  }

  /**
   * Enters a job that did not start at once into the books: it counts for those who come after it, and its last possible start is seen.
   * @param lastStart when starting it makes no sense any more.
   */
  watch(job: Job, lastStart: number, now: number): void {
    const { level } = job.pending;
    // Delayed jobs stand behind all others of their level.
    if (job.rank === 2 * level.number) job.tick = (level.index ??= new DeadlineIndex()).add(job.deadline, job.rows, now);
    job.lastStart = lastStart;
    this.#expiry.push(job);
  }

  /** Corrects a job's last possible start. */
  rewatch(job: Job, lastStart: number): void {
    this.#expiry.remove(job);
    job.lastStart = lastStart;
    this.#expiry.push(job);
  }

  /** Rows that go before a job with this deadline on this level. */
  rowsAhead({ number }: Level, deadline: number, now: number): number {
    let rows = 0;
    for (const level of this.#levels) {
      if (level.number < number) rows += level.rows;
      else if (level.number === number) return rows + (level.inArrivalOrder ? level.rows : (level.index?.rowsUpTo(deadline, now) ?? 0));
      else break;
    }
    return rows;
  }

  /** Rows with deadlines up to this one, whatever their level. */
  rowsUpTo(deadline: number, now: number): number {
    let rows = 0;
    for (const { index } of this.#levels) rows += index?.rowsUpTo(deadline, now) ?? 0;
    return rows;
  }

  /** Takes a job out if it waits here. */
  remove(job: Job): void {
    if (job.heapIndex === -1) return;
    const shape = this.#shapes.get(job.shapeKey);
    if (shape === undefined) throw new Error("The job's shape is not in this queue. This is a bug.");
    shape.remove(job);
    if (shape === this.#next) this.#next = undefined;
    this.#left(job);
    if (shape.size === 0) this.#forget(shape);
  }

  /** Takes the jobs of a batch: first those of the leading rank, then the others, each in their order. */
  take(shape: ShapeQueue, lead: JobHeap, limits: BatchLimits): Job[] {
    const taken: Job[] = [];
    let passed: Job[] | undefined;
    let left = limits.rows;
    let bytesLeft = limits.bytes;
    let heap = lead;
    let next = 0;
    for (;;) {
      // By deadlines the first one decides for all of its rank.
      const isChecked = heap !== lead || heap.head?.pending.level.inArrivalOrder === true;
      while (heap.size > 0 && left > 0 && taken.length < limits.jobs && (passed === undefined || passed.length <= MAX_LOOK_AHEAD)) {
        const job = heap.head!;
        shape.remove(job);
        const fits = job.rows <= left && job.bytes <= bytesLeft && (!isChecked || job.deadline >= limits.endsAt);
        if (fits || taken.length === 0) {
          taken.push(job);
          job.pending.level.riding += job.rows;
          left -= job.rows;
          bytesLeft -= job.bytes;
          this.#left(job);
        } else {
          (passed ??= []).push(job);
        }
      }
      if (shape.heaps[next] === lead) next++;
      const following = shape.heaps[next++];
      if (following === undefined) break;
      heap = following;
    }
    this.#countTurns(lead.rank >> 1, limits.rows - left);
    if (passed !== undefined) for (const job of passed) shape.push(job);
    this.#next = undefined;
    if (shape.size === 0) this.#forget(shape);
    else shape.since = shape.head!.enqueuedAt;
    return taken;
  }

  /** Takes jobs that ride along in a run of another shape, each in its order; those that do not fit or would be late stay. */
  takeRiders(shape: ShapeQueue, limits: BatchLimits): readonly Job[] {
    const taken: Job[] = [];
    const passed: Job[] = [];
    let left = limits.rows;
    let bytesLeft = limits.bytes;
    for (const heap of shape.heaps) {
      while (heap.size > 0 && left > 0 && passed.length <= MAX_LOOK_AHEAD) {
        const job = heap.head!;
        shape.remove(job);
        if (job.rows <= left && job.bytes <= bytesLeft && job.deadline >= limits.endsAt) {
          taken.push(job);
          left -= job.rows;
          bytesLeft -= job.bytes;
          this.#left(job);
        } else {
          passed.push(job);
        }
      }
    }
    for (const job of passed) shape.push(job);
    this.#next = undefined;
    if (shape.size === 0) this.#forget(shape);
    return taken;
  }

  /** The leading level has had its turn, and so have those with a fair share of the batch; every other one that has work was passed over. */
  #countTurns(leading: number, rows: number): void {
    for (const level of this.#levels) {
      if (level.number === leading || level.riding * this.#guardEvery >= rows) level.passedOver = 0;
      else if (level.rows > 0) level.passedOver++;
      level.riding = 0;
    }
  }

  /** Callers choose which levels there are, so those on which nobody waits are forgotten when there are many; one that comes back is new. */
  #add(level: Level): void {
    const isFull = this.#levels.length >= MAX_KNOWN_LEVELS;
    const kept = this.#levels.filter((known) => known.rows > 0 || (!isFull && known.number !== level.number));
    for (const known of this.#levels) if (!kept.includes(known)) forget(known);
    level.isKnown = true;
    this.#levels = [...kept, level].toSorted((a, b) => a.number - b.number);
  }

  #left(job: Job): void {
    const { pending, rows, bytes } = job;
    this.#rows -= rows;
    // Parts of a request may have parts of bytes, which do not add up to exactly nothing.
    this.#bytes = --this.#size === 0 ? 0 : this.#bytes - bytes;
    pending.level.rows -= rows;
    if (--pending.waiting === 0) pending.level.waiting--;
    this.#expiry.remove(job);
    if (job.tick === UNCOUNTED) return;
    pending.level.index!.remove(job.tick, rows);
    job.tick = UNCOUNTED;
  }

  /** Shapes come and go; the one shape of models that have no other stays, or every batch would make its heaps anew. */
  #forget({ shapeKey }: ShapeQueue): void {
    if (shapeKey !== "") this.#shapes.delete(shapeKey);
  }
}
