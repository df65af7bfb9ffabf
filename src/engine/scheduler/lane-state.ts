// One lane and the engines that have an instance on it.

import type { Instance, Lane } from "./executor.ts";
import type { Job } from "./job.ts";
import { isMoreUrgent } from "./job-order.ts";

/** Batches that one user may run on a lane one after the other while others wait for it, however urgent its work is. */
const MAX_TURNS = 4;

/** Whoever has work for a lane. */
export interface LaneUser {
  /** Whether jobs wait, be it for a fuller batch. */
  readonly waits: boolean;
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
  /** Who ran last, and how many batches in a row while others waited. */
  #last: LaneUser | undefined;
  #turns = 0;

  constructor(lane: Lane) {
    this.lane = lane;
  }

  /** Gives the lane to the most urgent work of all its users, until there is none or the lane is busy. */
  serve(): void {
    while (this.lane.available && this.inFlight < 2) {
      const user = this.#choose();
      if (user === undefined) return;
      const contended = this.#othersWait(user);
      // A second batch is only put behind a run when nobody else wants the lane: it could not be overtaken any more.
      if (contended && this.inFlight > 0) return;
      this.#turns = contended && user === this.#last ? this.#turns + 1 : 1;
      this.#last = user;
      user.dispatch(this);
    }
  }

  /** The user with the most urgent work, unless it has had its turns and another one is ready. */
  #choose(): LaneUser | undefined {
    const resting = this.inFlight === 0 && this.#turns >= MAX_TURNS ? this.#last : undefined;
    let chosen: LaneUser | undefined;
    let chosenHead: Job | undefined;
    let rested = false;
    for (const user of this.users.keys()) {
      if (user === resting) {
        rested = true;
        continue;
      }
      const head = user.ready(this);
      if (head !== undefined && (chosenHead === undefined || isMoreUrgent(head, chosenHead))) {
        chosen = user;
        chosenHead = head;
      }
    }
    if (chosen !== undefined || !rested || resting === undefined) return chosen;
    return resting.ready(this) === undefined ? undefined : resting;
  }

  #othersWait(user: LaneUser): boolean {
    if (this.users.size === 1) return false;
    for (const other of this.users.keys()) if (other !== user && other.waits) return true;
    return false;
  }
}
