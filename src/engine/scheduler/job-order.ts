// Which of two waiting jobs goes first.

import type { Job } from "./job.ts";

/** Within one model: by level, unexpired before delayed, then earlier deadline where those count, then earlier arrival. */
export function goesBefore(a: Job, b: Job): boolean {
  if (a.rank !== b.rank) return a.rank < b.rank;
  return a.urgency < b.urgency || (a.urgency === b.urgency && a.arrival < b.arrival);
}

/** Between models, whose levels cannot be compared: earlier deadline, then the longer wait. */
export function isMoreUrgent(a: Job, b: Job): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.enqueuedAt < b.enqueuedAt);
}
