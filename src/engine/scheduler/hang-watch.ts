// Tells when a run of one version does not end, and when it has ended after all.

import { Gate } from "./gate.ts";
import type { LaneState, LaneUser } from "./lane-state.ts";
import type { QueueState } from "./queue-state.ts";

/** A run counts as hung from the millisecond after its time is over. */
const SLACK_MS = 1;

/** Watches the runs of one version. One timer, whatever the number of runs. */
export class HangWatch {
  readonly #state: QueueState;
  readonly #self: LaneUser;
  readonly #alarm: Gate;
  /** Lanes whose run has been reported. */
  readonly #hung = new Set<LaneState>();

  /** @param self whose runs are watched, among the users of its lanes. */
  constructor(state: QueueState, self: LaneUser) {
    this.#state = state;
    this.#self = self;
    this.#alarm = new Gate(state.clock, () => this.#look());
  }

  /** A run has begun. @param hangsMs its time is over then. */
  began(hangsMs: number, now: number): void {
    if (hangsMs < Infinity) this.#alarm.arm(now + hangsMs + SLACK_MS, now);
  }

  /** A run has ended, well or not. */
  ended(lane: LaneState, heldMs: number): void {
    if (this.#hung.size > 0 && this.#hung.delete(lane)) this.#state.options.onHang?.(heldMs, true);
  }

  /** Watches nothing any more. */
  stop(): void {
    this.#alarm.disarm();
  }

  #look(): void {
    const { clock, lanes, options } = this.#state;
    const now = clock.now();
    let next = Infinity;
    for (const lane of lanes) {
      if (!lane.isRunning(this.#self) || this.#hung.has(lane)) continue;
      if (lane.isHung(now)) {
        this.#hung.add(lane);
        options.onHang?.(lane.heldMs(now), false);
      } else {
        next = Math.min(next, lane.hangsAt);
      }
    }
    if (next < Infinity) this.#alarm.arm(next + SLACK_MS, now);
  }
}
