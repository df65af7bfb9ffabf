// Cuts a request into the jobs that travel separately.

import type { Pending } from "./job.ts";
import { Job } from "./job.ts";

/** One job, or as many as it takes when the request has more rows than a job may have. @param arrival number of the first. */
export function toJobs(pending: Pending, maxRows: number, arrival: number, now: number): readonly Job[] {
  const { rows } = pending.request;
  if (rows <= maxRows) return [new Job(pending, 0, 0, rows, arrival, now)];
  const jobs: Job[] = [];
  for (let first = 0; first < rows; first += maxRows) {
    jobs.push(new Job(pending, jobs.length, first, Math.min(maxRows, rows - first), arrival + jobs.length, now));
  }
  return jobs;
}
