// Waiting jobs of one shape: they may share a batch.

import type { WaitingJobs } from "./gate.ts";
import type { Job } from "./job.ts";
import { JobHeap } from "./job-heap.ts";

/** Ranks that keep their heaps although nobody waits in them. */
const MAX_HEAPS = 64;

/** One heap for each rank that has occurred, most important first. */
export class ShapeQueue implements WaitingJobs {
  readonly shapeKey: string;
  readonly heaps: JobHeap[] = [];
  /** Rows of all jobs together. */
  rows = 0;
  size = 0;
  /** Since when jobs have been waiting here without a batch taking any. */
  since = 0;
  /** Whether an idle instance has left them waiting for more. */
  held = false;
  /** No deadline here is earlier. It may be that of a job that has left; it is forgotten when nothing waits any more. */
  earliestDeadline = Infinity;
  /** No job here has to start earlier, with the same reservation. */
  earliestStartBy = Infinity;

  constructor(shapeKey: string) {
    this.shapeKey = shapeKey;
  }

  /** The job that goes next. */
  get head(): Job | undefined {
    for (const heap of this.heaps) if (heap.size > 0) return heap.head;
    return undefined;
  }

  /** The most important heap of a level that has jobs. */
  heapOfLevel(level: number): JobHeap | undefined {
    for (const heap of this.heaps) if (heap.size > 0 && heap.rank >> 1 === level) return heap;
    return undefined;
  }

  /** Adds a job. */
  push(job: Job): void {
    const { startBy } = job.pending;
    if (this.size === 0) {
      this.since = job.enqueuedAt;
      this.held = false;
      this.earliestDeadline = job.deadline;
      this.earliestStartBy = startBy;
    } else {
      if (job.deadline < this.earliestDeadline) this.earliestDeadline = job.deadline;
      if (startBy < this.earliestStartBy) this.earliestStartBy = startBy;
    }
    this.rows += job.rows;
    this.size++;
    // Not where jobs are taken: there the heaps are being gone through.
    if (this.heaps.length >= MAX_HEAPS) this.#forgetEmpty();
    this.#heapOf(job.rank).push(job);
  }

  /** Takes a job out, wherever it stands. */
  remove(job: Job): void {
    this.#heapOf(job.rank).remove(job);
    this.rows -= job.rows;
    this.size--;
  }

  #heapOf(rank: number): JobHeap {
    const { heaps } = this;
    let place = 0;
    for (; place < heaps.length; place++) {
      const heap = heaps[place]!;
      if (heap.rank === rank) return heap;
      if (heap.rank > rank) break;
    }
    const heap = new JobHeap(rank);
    heaps.splice(place, 0, heap);
    return heap;
  }

  #forgetEmpty(): void {
    const { heaps } = this;
    let kept = 0;
    for (const heap of heaps) if (heap.size > 0) heaps[kept++] = heap;
    heaps.length = kept;
  }
}
