// Waiting jobs of one shape, the one that goes next first.

import type { WaitingJobs } from "./gate.ts";
import type { Job } from "./job.ts";
import { goesBefore } from "./job-order.ts";

/** A binary heap that knows where each job stands, so that a cancelled one leaves in O(log n). */
export class JobHeap implements WaitingJobs {
  readonly #jobs: Job[] = [];
  /** Rows of all jobs together. */
  rows = 0;
  /** Since when jobs have been waiting here without a batch taking any. */
  since = 0;
  /** No deadline here is earlier. It may be that of a job that has left; the heap forgets it when it is empty. */
  earliestDeadline = Infinity;
  /** No job here has to start earlier, with the same reservation. */
  earliestStartBy = Infinity;

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
    const { startBy } = job.pending;
    if (this.#jobs.length === 0) {
      this.since = job.enqueuedAt;
      this.earliestDeadline = job.deadline;
      this.earliestStartBy = startBy;
    } else {
      if (job.deadline < this.earliestDeadline) this.earliestDeadline = job.deadline;
      if (startBy < this.earliestStartBy) this.earliestStartBy = startBy;
    }
    this.rows += job.rows;
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
    this.rows -= job.rows;
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
