// Waiting jobs of one shape and one rank, the one that goes next first.

import { IndexedHeap } from "./indexed-heap.ts";
import type { Job } from "./job.ts";
import { goesBefore } from "./job-order.ts";

/** Jobs in the order in which they run. */
export class JobHeap extends IndexedHeap<Job> {
  /** What all jobs here have in common. */
  readonly rank: number;

  constructor(rank: number) {
    super();
    this.rank = rank;
  }

  protected isBefore(a: Job, b: Job): boolean {
    return goesBefore(a, b);
  }

  protected placeOf(job: Job): number {
    return job.heapIndex;
  }

  protected putAt(job: Job, index: number): void {
    job.heapIndex = index;
  }
}
