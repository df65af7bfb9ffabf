// One lane, the engines that have an instance on it, and when it will be free.

import type { Clock } from "../../lib/clock.ts";
import type { Instance, Lane } from "./executor.ts";
import type { Job } from "./job.ts";
import { isMoreUrgent } from "./job-order.ts";

/** Batches that one user may run on a lane one after the other while others wait for it, however urgent its work is. */
const MAX_TURNS = 4;

/** Batches a lane holds at most: one that runs and one that is ready to follow. */
const MAX_IN_FLIGHT = 2;

/** Whoever has work for a lane. */
export interface LaneUser {
  /** Whether jobs wait, be it for a fuller batch. */
  readonly waits: boolean;
  /** The job that would lead a batch on this lane now; undefined when there is none or it is worth waiting. */
  ready(lane: LaneState): Job | undefined;
  /** Forms a batch and hands it to the user's instance on this lane. */
  dispatch(lane: LaneState): void;
  /** Expected run time of its waiting work that is at least as urgent as this deadline, for each of its lanes, in milliseconds. */
  aheadMs(deadline: number, now: number): number;
}

/** What the scheduler knows of a lane. */
export class LaneState {
  readonly lane: Lane;
  readonly users = new Map<LaneUser, Instance>();
  inFlight = 0;
  /** Who ran last, and how many batches in a row while others waited. */
  #last: LaneUser | undefined;
  #turns = 0;
  /** Whether a run has hung here and none has ended in time since: one small batch goes first. */
  onProbation = false;
  readonly #clock: Clock;
  /** When the last run ended. */
  #endedAt = -Infinity;
  #startedAt = 0;
  /** When the first run in flight will probably end, and from when on it counts as hung. */
  #endsAt = 0;
  #hangsAt = Infinity;
  /** The same of the run behind it, from its start. */
  #nextMs = 0;
  #nextHangsMs = 0;

  constructor(lane: Lane, clock: Clock) {
    this.lane = lane;
    this.#clock = clock;
  }

  /** When a batch handed over now would probably start. */
  freeAt(now: number): number {
    if (this.inFlight === 0) return now;
    return Math.max(now, this.#endsAt) + (this.inFlight > 1 ? this.#nextMs : 0);
  }

  /** Whether the run in flight takes so long that nothing should wait for it. */
  isHung(now: number): boolean {
    return this.inFlight > 0 && now > this.#hangsAt;
  }

  /** When a lane whose run has hung may be free: who knows, but what has taken long will often take as long again. */
  mayBeFreeAt(now: number): number {
    return now + now - this.#startedAt;
  }

  /** Expected run time of what other users of the lane have waiting that is at least as urgent. */
  othersAheadMs(self: LaneUser, deadline: number, now: number): number {
    let ms = 0;
    if (this.users.size > 1) for (const user of this.users.keys()) if (user !== self) ms += user.aheadMs(deadline, now);
    return ms;
  }

  /** A batch has been handed over. @param hangsMs run time from which it counts as hung. */
  began(now: number, expectedMs: number, hangsMs: number): void {
    if (this.inFlight++ === 0) {
      this.#startedAt = now;
      this.#endsAt = now + expectedMs;
      this.#hangsAt = now + hangsMs;
    } else {
      this.#nextMs = expectedMs;
      this.#nextHangsMs = hangsMs;
    }
  }

  /** The first batch in flight has come back, well or not. @returns how long the lane had it, from its turn on. */
  ended(dispatchedAt: number, now: number): number {
    this.onProbation = now > this.#hangsAt;
    const heldMs = now - Math.max(dispatchedAt, this.#endedAt);
    this.#endedAt = now;
    if (--this.inFlight > 0) {
      this.#startedAt = now;
      this.#endsAt = now + this.#nextMs;
      this.#hangsAt = now + this.#nextHangsMs;
    }
    return heldMs;
  }

  /** Gives the lane to the most urgent work of all its users, until there is none or the lane is busy. */
  serve(): void {
    while (this.lane.available && this.inFlight < MAX_IN_FLIGHT) {
      if (this.inFlight > 0 && this.onProbation) return;
      const user = this.#choose();
      if (user === undefined || (this.inFlight > 0 && this.isHung(this.#clock.now()))) return;
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
