// Tells when a run of one version does not end, and when it has ended after all.

import type { LaneState, LaneUser } from "./lane-state.ts";
import type { QueueState } from "./queue-state.ts";

/** Watches the runs of one version. Without a timer: while nobody comes, nobody misses the instance. */
export class HangWatch {
  readonly #state: QueueState;
  readonly #self: LaneUser;
  /** Lanes whose run has been reported. */
  readonly #hung = new Set<LaneState>();

  /** @param self whose runs are watched, among the users of its lanes. */
  constructor(state: QueueState, self: LaneUser) {
    this.#state = state;
    this.#self = self;
  }

  /** Tells of every run that has hung and has not been told of. */
  look(now: number): void {
    const { lanes, options } = this.#state;
    for (const lane of lanes) {
      if (!lane.isHung(now) || this.#hung.has(lane) || !lane.isRunning(this.#self)) continue;
      this.#hung.add(lane);
      options.onHang?.(lane.heldMs(now), false);
    }
  }

  /** A run has ended, well or not. @param heldMs 0 for a batch that failed before its turn came. */
  ended(lane: LaneState, heldMs: number): void {
    if (heldMs > 0 && this.#hung.size > 0 && this.#hung.delete(lane)) this.#state.options.onHang?.(heldMs, true);
  }
}
