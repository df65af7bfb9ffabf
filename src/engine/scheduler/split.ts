// Cuts a request into the jobs that travel separately.

import { ServiceError } from "../../errors.ts";
import type { Pending } from "./job.ts";
import { Job } from "./job.ts";

/** Most jobs of one request: each takes memory and a run, and rows may have no elements, so that they cost the caller nothing. */
const MAX_JOBS = 65_536;

/** The refusal of a request that would become too many jobs; undefined for others. */
export function whyTooManyJobs(rows: number, maxRows: number): ServiceError | undefined {
  if (rows <= maxRows * MAX_JOBS) return undefined;
  const text = `The request has ${rows} rows, of which one run takes ${maxRows}; at most ${MAX_JOBS} runs are made for one request.`;
  return new ServiceError("INPUT_TOO_LARGE", text, {
    violations: [{ field: "inputs", description: text }],
    metadata: { stage: "admit", rows: String(rows), maxBatchSize: String(maxRows) },
    quota: { subject: "rows", description: `One request may have ${maxRows * MAX_JOBS} rows.` },
  });
}

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
