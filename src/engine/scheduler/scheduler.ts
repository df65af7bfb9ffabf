// The scheduler: engines of all model versions over shared lanes.

import type { Clock } from "../../lib/clock.ts";
import { systemClock } from "../../lib/clock.ts";
import type { Engine } from "../engine.ts";
import { BatchingEngine } from "./batching-engine.ts";
import type { Lane } from "./executor.ts";
import { LaneState } from "./lane-state.ts";
import type { Overhead } from "./overhead.ts";
import { NO_OVERHEAD } from "./overhead.ts";
import type { QueueOptions } from "./queue-options.ts";

/** Queues of all model versions over shared lanes. */
export interface Scheduler {
  /** Makes the engine of one version. */
  createEngine(options: QueueOptions): Engine;
}

/** Makes a scheduler. @param clock real time by default. @param overhead what is taken off every deadline; nothing by default. */
export function createScheduler(clock: Clock = systemClock, overhead: Overhead = NO_OVERHEAD): Scheduler {
  const lanes = new Map<Lane, LaneState>();
  const laneOf = (lane: Lane): LaneState => {
    let state = lanes.get(lane);
    if (state === undefined) {
      lanes.set(lane, (state = new LaneState(lane, clock)));
      const known = state;
      lane.onAvailable(() => known.serve());
    }
    return state;
  };
  return {
    createEngine(options) {
      return new BatchingEngine(options, clock, overhead, laneOf);
    },
  };
}
