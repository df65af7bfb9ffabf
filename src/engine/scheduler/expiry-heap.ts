// Waiting jobs by the last moment at which starting them makes sense.

import type { Job } from "./job.ts";

/** A binary heap over `Job.lastStart`, beside the ones that decide what goes next. */
export class ExpiryHeap {
  readonly #jobs: Job[] = [];

  /** The job whose moment comes first. */
  get head(): Job | undefined {
    return this.#jobs[0];
  }

  /** Adds a job; one with nothing that ends its wait is left out. */
  push(job: Job): void {
    if (job.lastStart === Infinity) return;
    this.#jobs.push(job);
    this.#up(job, this.#jobs.length - 1);
  }

  /** Takes a job out if it is here. */
  remove(job: Job): void {
    const index = job.expiryIndex;
    if (index === -1) return;
    job.expiryIndex = -1;
    const last = this.#jobs.pop()!;
    if (last === job) return;
    this.#up(last, index);
    this.#down(last, last.expiryIndex);
  }

  #up(job: Job, start: number): void {
    const jobs = this.#jobs;
    let index = start;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = jobs[parentIndex]!;
      if (job.lastStart >= parent.lastStart) break;
      jobs[index] = parent;
      parent.expiryIndex = index;
      index = parentIndex;
    }
    jobs[index] = job;
    job.expiryIndex = index;
  }

  #down(job: Job, start: number): void {
    const jobs = this.#jobs;
    let index = start;
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= jobs.length) break;
      if (childIndex + 1 < jobs.length && jobs[childIndex + 1]!.lastStart < jobs[childIndex]!.lastStart) childIndex++;
      const child = jobs[childIndex]!;
      if (child.lastStart >= job.lastStart) break;
      jobs[index] = child;
      child.expiryIndex = index;
      index = childIndex;
    }
    jobs[index] = job;
    job.expiryIndex = index;
  }
}
