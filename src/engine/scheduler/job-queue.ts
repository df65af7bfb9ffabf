// The waiting jobs of one model version, grouped by shape.

import type { Job } from "./job.ts";
import { JobHeap } from "./job-heap.ts";
import { goesBefore } from "./job-order.ts";

/** How many jobs that do not fit the rows left are looked past while a batch is filled. */
const MAX_LOOK_AHEAD = 16;

/** Jobs of equal shape share a batch; the first job of all shapes decides which shape goes next. */
export class JobQueue {
  readonly #heaps = new Map<string, JobHeap>();
  #rows = 0;
  #size = 0;

  /** Rows waiting. */
  get rows(): number {
    return this.#rows;
  }

  /** Jobs waiting. */
  get size(): number {
    return this.#size;
  }

  /** The jobs of the shape that goes next, which are at least one; undefined when nothing waits. */
  next(): JobHeap | undefined {
    let next: JobHeap | undefined;
    for (const heap of this.#heaps.values()) {
      if (heap.head === undefined) continue;
      if (next === undefined || goesBefore(heap.head, next.head!)) next = heap;
    }
    return next;
  }

  /** Adds a job. */
  push(job: Job): void {
    let heap = this.#heaps.get(job.shapeKey);
    if (heap === undefined) this.#heaps.set(job.shapeKey, (heap = new JobHeap()));
    heap.push(job);
    this.#rows += job.rows;
    this.#size++;
    if (job.pending.waiting++ === 0) job.pending.level.waiting++;
  }

  /** Takes a job out if it waits here. */
  remove(job: Job): void {
    if (job.heapIndex === -1) return;
    const heap = this.#heaps.get(job.shapeKey);
    if (heap === undefined) throw new Error("The job's shape is not in this queue. This is a bug.");
    heap.remove(job);
    this.#left(job);
    if (heap.size === 0) this.#forget(job.shapeKey);
  }

  /** Takes the jobs of the next batch: those of one shape in their order, at most `maxRows` rows, `maxBytes` and `maxJobs`. */
  take(maxRows: number, maxBytes: number, maxJobs: number): Job[] {
    const heap = this.next();
    if (heap === undefined) return [];
    const { shapeKey } = heap.head!;
    const taken: Job[] = [];
    const passed: Job[] = [];
    let left = maxRows;
    let bytesLeft = maxBytes;
    while (left > 0 && taken.length < maxJobs && heap.size > 0 && passed.length <= MAX_LOOK_AHEAD) {
      const job = heap.pop()!;
      if ((job.rows <= left && job.bytes <= bytesLeft) || taken.length === 0) {
        taken.push(job);
        left -= job.rows;
        bytesLeft -= job.bytes;
        this.#left(job);
      } else {
        passed.push(job);
      }
    }
    for (const job of passed) heap.push(job);
    if (heap.size === 0) this.#forget(shapeKey);
    else heap.since = heap.head!.enqueuedAt;
    return taken;
  }

  #left(job: Job): void {
    this.#rows -= job.rows;
    this.#size--;
    if (--job.pending.waiting === 0) job.pending.level.waiting--;
  }

  /** Shapes come and go; the one shape of models that have no other stays, or every batch would make its heap anew. */
  #forget(shapeKey: string): void {
    if (shapeKey !== "") this.#heaps.delete(shapeKey);
  }
}
