// One lane and the engines that have an instance on it.

import type { Instance, Lane } from "./executor.ts";
import type { Job } from "./job.ts";
import { isMoreUrgent } from "./job-order.ts";

/** Whoever has work for a lane. */
export interface LaneUser {
  /** The job that would lead a batch on this lane now; undefined when there is none or it is worth waiting. */
  ready(lane: LaneState): Job | undefined;
  /** Forms a batch and hands it to the user's instance on this lane. */
  dispatch(lane: LaneState): void;
}

/** What the scheduler knows of a lane. */
export class LaneState {
  readonly lane: Lane;
  readonly users = new Map<LaneUser, Instance>();
  inFlight = 0;

  constructor(lane: Lane) {
    this.lane = lane;
  }

  /** Gives the lane to the most urgent work of all its users, until there is none or the lane is busy. */
  serve(): void {
    while (this.lane.available && this.inFlight < 2) {
      let chosen: LaneUser | undefined;
      let chosenHead: Job | undefined;
      for (const user of this.users.keys()) {
        const head = user.ready(this);
        if (head !== undefined && (chosenHead === undefined || isMoreUrgent(head, chosenHead))) {
          chosen = user;
          chosenHead = head;
        }
      }
      if (chosen === undefined) return;
      chosen.dispatch(this);
    }
  }
}
