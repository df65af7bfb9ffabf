// The waiting jobs of one model version, grouped by shape.

import type { Job } from "./job.ts";
import { isMoreUrgent, JobHeap } from "./job-heap.ts";

/** How many jobs that do not fit the rows left are looked past while a batch is filled. */
const MAX_LOOK_AHEAD = 16;

/** Jobs of equal shape share a batch; the most urgent job of all shapes decides which shape goes next. */
export class JobQueue {
  readonly #heaps = new Map<string, JobHeap>();
  #rows = 0;

  /** Rows waiting. */
  get rows(): number {
    return this.#rows;
  }

  /** The most urgent job. */
  head(): Job | undefined {
    let head: Job | undefined;
    for (const heap of this.#heaps.values()) {
      const candidate = heap.head;
      if (candidate === undefined) continue;
      if (head === undefined || isMoreUrgent(candidate, head)) head = candidate;
    }
    return head;
  }

  /** Rows that could ride with this job, its own included. */
  rowsLike(job: Job): number {
    return this.#heaps.get(job.shapeKey)?.rows ?? 0;
  }

  /** Since when jobs of this job's shape have been waiting. */
  waitingSince(job: Job): number {
    return this.#heaps.get(job.shapeKey)?.since ?? job.enqueuedAt;
  }

  /** Adds a job. */
  push(job: Job): void {
    let heap = this.#heaps.get(job.shapeKey);
    if (heap === undefined) this.#heaps.set(job.shapeKey, (heap = new JobHeap()));
    heap.push(job);
    this.#rows += job.rows;
  }

  /** Takes a job out if it waits here. */
  remove(job: Job): void {
    if (job.heapIndex === -1) return;
    const heap = this.#heaps.get(job.shapeKey);
    if (heap === undefined) throw new Error("The job's shape is not in this queue. This is a bug.");
    heap.remove(job);
    this.#rows -= job.rows;
    if (heap.size === 0) this.#forget(job.shapeKey);
  }

  /** Takes the jobs of the next batch: those of the head's shape, most urgent first, at most `maxRows` rows and `maxBytes`. */
  take(maxRows: number, maxBytes = Infinity): Job[] {
    const head = this.head();
    if (head === undefined) return [];
    const heap = this.#heaps.get(head.shapeKey)!;
    const taken: Job[] = [];
    const passed: Job[] = [];
    let left = maxRows;
    let bytesLeft = maxBytes;
    while (left > 0 && heap.size > 0 && passed.length <= MAX_LOOK_AHEAD) {
      const job = heap.pop()!;
      if ((job.rows <= left && job.bytes <= bytesLeft) || taken.length === 0) {
        taken.push(job);
        left -= job.rows;
        bytesLeft -= job.bytes;
        this.#rows -= job.rows;
      } else {
        passed.push(job);
      }
    }
    for (const job of passed) heap.push(job);
    if (heap.size === 0) this.#forget(head.shapeKey);
    else heap.since = heap.head!.enqueuedAt;
    return taken;
  }

  /** Shapes come and go; the one shape of models that have no other stays, or every batch would make its heap anew. */
  #forget(shapeKey: string): void {
    if (shapeKey !== "") this.#heaps.delete(shapeKey);
  }
}
