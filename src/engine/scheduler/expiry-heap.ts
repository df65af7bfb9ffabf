// Waiting jobs by the last moment at which starting them makes sense.

import { IndexedHeap } from "./indexed-heap.ts";
import type { Job } from "./job.ts";

/** Jobs by `Job.lastStart`, beside the heaps that decide what goes next. */
export class ExpiryHeap extends IndexedHeap<Job> {
  /** Adds a job; one with nothing that ends its wait is left out. */
  override push(job: Job): void {
    if (job.lastStart !== Infinity) super.push(job);
  }

  /** Takes a job out if it is here. */
  override remove(job: Job): void {
    if (job.expiryIndex !== -1) super.remove(job);
  }

  protected isBefore(a: Job, b: Job): boolean {
    return a.lastStart < b.lastStart;
  }

  protected placeOf(job: Job): number {
    return job.expiryIndex;
  }

  protected putAt(job: Job, index: number): void {
    job.expiryIndex = index;
  }
}
