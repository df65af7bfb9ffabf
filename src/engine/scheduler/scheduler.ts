// The scheduler: engines of all model versions over shared lanes.

import type { Clock } from "../../lib/clock.ts";
import { systemClock } from "../../lib/clock.ts";
import type { Engine } from "../engine.ts";
import { BatchingEngine } from "./batching-engine.ts";
import { DeviceState } from "./device-state.ts";
import type { Device, Instance, Lane } from "./executor.ts";
import type { Seat } from "./lane-state.ts";
import { LaneState } from "./lane-state.ts";
import type { Overhead } from "./overhead.ts";
import { NO_OVERHEAD } from "./overhead.ts";
import type { QueueOptions } from "./queue-options.ts";

/** Queues of all model versions over shared lanes and devices. */
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
  const devices = new Map<Device, DeviceState>();
  const deviceOf = (device: Device): DeviceState => {
    let state = devices.get(device);
    if (state === undefined) devices.set(device, (state = new DeviceState(device, clock)));
    return state;
  };
  const seatOf = (instance: Instance): Seat => {
    const { device, tokens = 1 } = instance;
    if (device === undefined) return { instance, device, tokens };
    return { instance, device: deviceOf(device), tokens: Math.min(tokens, device.tokens) };
  };
  return {
    createEngine(options) {
      return new BatchingEngine(options, clock, overhead, (instance, user) => {
        const lane = laneOf(instance.lane);
        lane.join(user, seatOf(instance));
        return lane;
      });
    },
  };
}
