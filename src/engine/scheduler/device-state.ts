// One device and its tokens: which of the lanes that run on it may start a batch.

import type { Clock } from "../../lib/clock.ts";
import type { Device } from "./executor.ts";
import { Gate } from "./gate.ts";
import type { Job } from "./job.ts";
import { isMoreUrgent } from "./job-order.ts";
import type { LaneState, LaneUser } from "./lane-state.ts";
import { Turns } from "./turns.ts";

/** A run counts as hung from the millisecond after its time is over. */
const HUNG_SLACK_MS = 1;

/** What the scheduler knows of a device. */
export class DeviceState {
  readonly turns = new Turns<LaneUser>();
  readonly #device: Device;
  readonly #clock: Clock;
  readonly #alarm: Gate;
  readonly #lanes = new Set<LaneState>();
  #inFlight = 0;
  /** Tokens that all lanes together could take. */
  #wanted = 0;

  constructor(device: Device, clock: Clock) {
    this.#device = device;
    this.#clock = clock;
    this.#alarm = new Gate(clock, () => this.serve());
  }

  /** For people. */
  get name(): string {
    return this.#device.name;
  }

  /** Tokens there are. */
  get tokens(): number {
    return this.#device.tokens;
  }

  /** Tokens that batches hold, from the start of their run to its end. */
  get tokensInFlight(): number {
    return this.#inFlight;
  }

  /** Whether lanes may have to wait for a token. False is the usual case on the CPU, and costs nothing. */
  get isScarce(): boolean {
    return this.#wanted > this.#device.tokens;
  }

  /** An engine has got an instance on this lane, or has left it. */
  changed(lane: LaneState): void {
    if (lane.tokensOn(this) > 0) this.#lanes.add(lane);
    else this.#lanes.delete(lane);
    this.#wanted = 0;
    for (const each of this.#lanes) this.#wanted += each.tokensOn(this);
    if (!this.isScarce) this.#alarm.disarm();
  }

  /** A run has begun. */
  take(tokens: number): void {
    this.#inFlight += tokens;
  }

  /** A run has ended, well or not. */
  giveBack(tokens: number): void {
    this.#inFlight -= tokens;
  }

  /**
   * Whether a batch may start: while one token is left, so that nothing idles beside waiting work. One that takes several may thus take
   * more than there are.
   */
  mayStart(now: number): boolean {
    if (this.#inFlight < this.#device.tokens) return true;
    if (!this.#device.outlivesHungRuns) return false;
    if (this.#inFlight <= this.#hungTokens(now)) return true;
    this.#alarm.arm(this.#hangsAt(now) + HUNG_SLACK_MS, now);
    return false;
  }

  /** Gives tokens to the most urgent work of all lanes, until none is left or nobody is ready. */
  serve(): void {
    while (this.mayStart(this.#clock.now())) {
      const { resting } = this.turns;
      if (!this.#serveOne(resting) && (resting === undefined || !this.#serveOne(undefined))) return;
    }
  }

  /** Whether anybody else has work waiting. */
  othersWait(self: LaneUser): boolean {
    for (const lane of this.#lanes) if (lane.othersWait(self, this)) return true;
    return false;
  }

  /** Expected time that the device needs for what others have waiting that is at least as urgent, in milliseconds. */
  othersAheadMs(self: LaneUser, deadline: number, now: number): number {
    let ms = 0;
    for (const lane of this.#lanes) {
      for (const [user, seat] of lane.users) {
        if (user !== self && seat.device === this) ms += user.aheadMs(deadline, now) * Math.min(seat.tokens, this.tokens);
      }
    }
    return ms / this.tokens;
  }

  /** When batches one after the other would get their tokens, ascending; fewer than asked for where more cannot run side by side. */
  tokensFreeAt(count: number, tokensEach: number, now: number): readonly number[] {
    const ends = this.#running()
      .filter((lane) => !lane.isHung(now))
      .map((lane) => ({ at: lane.runEndsAt(now), tokens: lane.tokensHeld }))
      .toSorted((a, b) => a.at - b.at);
    const hung = this.#hungTokens(now);
    const limit = this.#device.outlivesHungRuns ? Math.max(this.tokens, hung + 1) : this.tokens;
    const times: number[] = [];
    let inFlight = this.#inFlight;
    let at = now;
    let next = 0;
    while (times.length < count) {
      while (inFlight >= limit && next < ends.length) {
        const end = ends[next++]!;
        at = Math.max(at, end.at);
        inFlight -= end.tokens;
      }
      if (inFlight >= limit) break;
      times.push(at);
      inFlight += tokensEach;
    }
    return times;
  }

  /** When a device all of whose tokens are with runs that have hung may have one again. */
  mayBeFreeAt(now: number): number {
    return Math.min(...this.#running().map((lane) => lane.mayBeFreeAt(now)));
  }

  #serveOne(resting: LaneUser | undefined): boolean {
    let lane: LaneState | undefined;
    let user: LaneUser | undefined;
    let head: Job | undefined;
    for (const candidate of this.#lanes) {
      const own = candidate.chosenOn(this, resting);
      const ownHead = own?.ready(candidate);
      if (own === undefined || ownHead === undefined) continue;
      const goes = user === undefined || (resting === undefined ? isMoreUrgent(ownHead, head!) : this.turns.isBefore(own, user));
      if (!goes) continue;
      lane = candidate;
      user = own;
      head = ownHead;
    }
    if (lane === undefined || user === undefined) return false;
    this.turns.took(user, this.othersWait(user));
    lane.took(user);
    user.dispatch(lane);
    return true;
  }

  #running(): readonly LaneState[] {
    return [...this.#lanes].filter((lane) => lane.runsOn(this));
  }

  #hungTokens(now: number): number {
    let tokens = 0;
    for (const lane of this.#lanes) if (lane.runsOn(this) && lane.isHung(now)) tokens += lane.tokensHeld;
    return tokens;
  }

  /** When the next run that is in flight will count as hung. */
  #hangsAt(now: number): number {
    let at = Infinity;
    for (const lane of this.#lanes) if (lane.runsOn(this) && !lane.isHung(now)) at = Math.min(at, lane.hangsAt);
    return at;
  }
}
