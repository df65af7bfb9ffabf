// Waiting jobs of one shape and one rank, the one that goes next first.

import type { Job } from "./job.ts";
import { goesBefore } from "./job-order.ts";

/** A binary heap that knows where each job stands, so that a cancelled one leaves in O(log n). */
export class JobHeap {
  /** What all jobs here have in common. */
  readonly rank: number;
  readonly #jobs: Job[] = [];

  constructor(rank: number) {
    this.rank = rank;
  }

  /** The job that goes next. */
  get head(): Job | undefined {
    return this.#jobs[0];
  }

  /** Jobs waiting. */
  get size(): number {
    return this.#jobs.length;
  }

  /** Adds a job. */
  push(job: Job): void {
    this.#jobs.push(job);
    this.#up(job, this.#jobs.length - 1);
  }

  /** Takes the next job out. */
  pop(): Job | undefined {
    const head = this.#jobs[0];
    if (head !== undefined) this.remove(head);
    return head;
  }

  /** Takes a job out, wherever it stands. */
  remove(job: Job): void {
    const index = job.heapIndex;
    if (this.#jobs[index] !== job) throw new Error("The job is not in this heap. This is a bug.");
    job.heapIndex = -1;
    const last = this.#jobs.pop()!;
    if (last === job) return;
    this.#up(last, index);
    this.#down(last, last.heapIndex);
  }

  #up(job: Job, start: number): void {
    const jobs = this.#jobs;
    let index = start;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = jobs[parentIndex]!;
      if (!goesBefore(job, parent)) break;
      jobs[index] = parent;
      parent.heapIndex = index;
      index = parentIndex;
    }
    jobs[index] = job;
    job.heapIndex = index;
  }

  #down(job: Job, start: number): void {
    const jobs = this.#jobs;
    let index = start;
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= jobs.length) break;
      if (childIndex + 1 < jobs.length && goesBefore(jobs[childIndex + 1]!, jobs[childIndex]!)) childIndex++;
      const child = jobs[childIndex]!;
      if (!goesBefore(child, job)) break;
      jobs[index] = child;
      child.heapIndex = index;
      index = childIndex;
    }
    jobs[index] = job;
    job.heapIndex = index;
  }
}
