// One lane, the engines that have an instance on it, and when it will be free.

import type { Clock } from "../../lib/clock.ts";
import type { DeviceState } from "./device-state.ts";
import type { Instance, Lane } from "./executor.ts";
import type { Job } from "./job.ts";
import { isMoreUrgent } from "./job-order.ts";
import { Turns } from "./turns.ts";

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

/** A user's instance on a lane, and what its runs take. */
export interface Seat {
  readonly instance: Instance;
  /** Undefined for one that only its lane limits. */
  readonly device: DeviceState | undefined;
  /** Tokens of the device that one of its runs takes; at most as many as there are. */
  readonly tokens: number;
}

/** What the scheduler knows of a lane. */
export class LaneState {
  readonly lane: Lane;
  readonly users = new Map<LaneUser, Seat>();
  inFlight = 0;
  /** Time that runs have had it, those that have ended, in milliseconds. */
  busyMs = 0;
  readonly #turns = new Turns<LaneUser>();
  /** Whether a run has hung here and none has ended in time since: one small batch goes first. */
  onProbation = false;
  readonly #clock: Clock;
  /** When the last run ended. */
  #endedAt = -Infinity;
  #startedAt = 0;
  /** When the first run in flight will probably end, and from when on it counts as hung. */
  #endsAt = 0;
  #hangsAt = Infinity;
  /** Whose run that is; it holds tokens of its device. */
  #running: Seat | undefined;
  /** The same of the run behind it, from its start. */
  #nextMs = 0;
  #nextHangsMs = 0;
  #next: Seat | undefined;
  #nextRun = 0;
  /** Batches handed over so far. */
  #runs = 0;

  constructor(lane: Lane, clock: Clock) {
    this.lane = lane;
    this.#clock = clock;
  }

  /** Tokens that the run in flight holds. */
  get tokensHeld(): number {
    return this.#running?.tokens ?? 0;
  }

  /** When the run in flight will count as hung. */
  get hangsAt(): number {
    return this.#hangsAt;
  }

  /** Gives a user an instance here. */
  join(user: LaneUser, seat: Seat): void {
    this.users.set(user, seat);
    seat.device?.changed(this);
  }

  /** A user whose work is done leaves. */
  leave(user: LaneUser): void {
    const device = this.users.get(user)?.device;
    this.users.delete(user);
    device?.changed(this);
  }

  /** Most tokens of a device that a run here may take; 0 where nobody uses the device. */
  tokensOn(device: DeviceState): number {
    let tokens = 0;
    for (const seat of this.users.values()) if (seat.device === device) tokens = Math.max(tokens, seat.tokens);
    return tokens;
  }

  /** Whether the run in flight holds tokens of a device. */
  runsOn(device: DeviceState): boolean {
    return this.#running?.device === device;
  }

  /** When the run in flight will probably end. */
  runEndsAt(now: number): number {
    return Math.max(now, this.#endsAt);
  }

  /** Whether a batch of this user's would start at once. */
  isFreeFor(user: LaneUser, now: number): boolean {
    if (this.inFlight > 0 || !this.lane.available) return false;
    const device = this.users.get(user)?.device;
    return device === undefined || !device.isScarce || device.mayStart(now);
  }

  /** When a batch handed over now would probably start. */
  freeAt(now: number): number {
    if (this.inFlight === 0) return now;
    return Math.max(now, this.#endsAt) + (this.inFlight > 1 ? this.#nextMs : 0);
  }

  /** Whether the run in flight is one of this user's. */
  isRunning(user: LaneUser): boolean {
    return this.#running !== undefined && this.#running === this.users.get(user);
  }

  /** How long the run in flight has had the lane. */
  heldMs(now: number): number {
    return now - this.#startedAt;
  }

  /** Whether the run in flight takes so long that nothing should wait for it. */
  isHung(now: number): boolean {
    return this.inFlight > 0 && now > this.#hangsAt;
  }

  /** When a lane whose run has hung may be free: who knows, but what has taken long will often take as long again. */
  mayBeFreeAt(now: number): number {
    return now + this.heldMs(now);
  }

  /** Expected run time of what other users of the lane have waiting that is at least as urgent. */
  othersAheadMs(self: LaneUser, deadline: number, now: number): number {
    let ms = 0;
    if (this.users.size > 1) for (const user of this.users.keys()) if (user !== self) ms += user.aheadMs(deadline, now);
    return ms;
  }

  /** A batch has been handed over. @param hangsMs run time from which it counts as hung. @returns its number, for `ended`. */
  began(user: LaneUser, now: number, expectedMs: number, hangsMs: number): number {
    const seat = this.users.get(user)!;
    const run = ++this.#runs;
    if (this.inFlight++ === 0) {
      this.#startedAt = now;
      this.#endsAt = now + expectedMs;
      this.#hangsAt = now + hangsMs;
      this.#running = seat;
      seat.device?.take(seat.tokens);
    } else {
      this.#nextMs = expectedMs;
      this.#nextHangsMs = hangsMs;
      this.#next = seat;
      this.#nextRun = run;
    }
    return run;
  }

  /** A batch has come back, well or not. @returns how long the lane had it, from its turn on. */
  ended(run: number, dispatchedAt: number, now: number): number {
    if (this.inFlight > 1 && run === this.#nextRun) {
      // It has failed before its turn came, and the run in front of it goes on.
      this.inFlight--;
      this.#next = undefined;
      return 0;
    }
    this.onProbation = now > this.#hangsAt;
    const heldMs = now - Math.max(dispatchedAt, this.#endedAt);
    this.#endedAt = now;
    this.busyMs += heldMs;
    this.#running?.device?.giveBack(this.#running.tokens);
    this.#running = undefined;
    if (--this.inFlight > 0) {
      this.#startedAt = now;
      this.#endsAt = now + this.#nextMs;
      this.#hangsAt = now + this.#nextHangsMs;
      this.#running = this.#next;
      this.#running?.device?.take(this.#running.tokens);
    }
    return heldMs;
  }

  /** After a batch has come back: its tokens go to the most urgent work on its device, which may stand before another lane. */
  serveAfter(user: LaneUser): void {
    const device = this.users.get(user)?.device;
    if (device?.isScarce === true) device.serve();
    this.serve();
  }

  /** Gives the lane to the most urgent work of all its users, until there is none or the lane is busy. */
  serve(): void {
    while (this.lane.available && this.inFlight < MAX_IN_FLIGHT) {
      if (this.inFlight > 0 && this.onProbation) return;
      const user = this.#choose();
      if (user === undefined || (this.inFlight > 0 && this.isHung(this.#clock.now()))) return;
      const device = this.users.get(user)!.device;
      if (device?.isScarce === true && this.inFlight === 0) {
        // There may be more urgent work for the device on another lane.
        device.serve();
        continue;
      }
      const contended = this.othersWait(user) || (device?.isScarce === true && device.othersWait(user));
      // A second batch is only put behind a run when nobody else wants the lane or its device: it could not be overtaken any more.
      if (contended && this.inFlight > 0) return;
      this.#turns.took(user, contended);
      user.dispatch(this);
    }
  }

  /** The user that the idle lane is for, if it works on this device. @param resting is passed over. */
  chosenOn(device: DeviceState, resting: LaneUser | undefined): LaneUser | undefined {
    if (this.inFlight > 0 || !this.lane.available) return undefined;
    const chosen = this.#choose(resting);
    return chosen !== undefined && this.users.get(chosen)!.device === device ? chosen : undefined;
  }

  /** A user takes the idle lane for a batch. */
  took(user: LaneUser): void {
    this.#turns.took(user, this.othersWait(user));
  }

  /** Whether users other than this one have work waiting, be it for a fuller batch. @param device only work for this device counts. */
  othersWait(user: LaneUser, device?: DeviceState): boolean {
    if (this.users.size === 1 && this.users.has(user)) return false;
    for (const [other, seat] of this.users) {
      if (other !== user && other.waits && (device === undefined || seat.device === device)) return true;
    }
    return false;
  }

  /** The user with the most urgent work that can start, unless it has had its turns and another one is ready. */
  #choose(passedOver?: LaneUser): LaneUser | undefined {
    const resting = this.inFlight === 0 ? this.#turns.resting : undefined;
    const chosen = this.#mostUrgent(passedOver, resting);
    return chosen === undefined && resting !== undefined ? this.#mostUrgent(passedOver, undefined) : chosen;
  }

  #mostUrgent(passedOver: LaneUser | undefined, resting: LaneUser | undefined): LaneUser | undefined {
    let chosen: LaneUser | undefined;
    let chosenHead: Job | undefined;
    for (const [user, seat] of this.users) {
      if (user === resting || user === passedOver || !this.#hasRoom(seat)) continue;
      const head = user.ready(this);
      if (head === undefined) continue;
      const goes = chosen === undefined || (resting === undefined ? isMoreUrgent(head, chosenHead!) : this.#turns.isBefore(user, chosen));
      if (goes) {
        chosen = user;
        chosenHead = head;
      }
    }
    return chosen;
  }

  /** What runs behind another batch takes over its token, so it must be on the same device. */
  #hasRoom({ device }: Seat): boolean {
    if (this.inFlight > 0) return device === this.#running?.device;
    return device === undefined || !device.isScarce || device.mayStart(this.#clock.now());
  }
}
