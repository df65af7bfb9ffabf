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

/** How busy everything is that models share. */
export interface SchedulerStatistics {
  /** What is taken off every deadline for the event loop's delay and the writing of answers, in milliseconds. */
  readonly overheadMs: number;
  /** Lanes: how long runs have had each of them, in milliseconds, and the batches that are there now. */
  readonly lanes: readonly { readonly busyMs: number; readonly inFlight: number }[];
  readonly devices: readonly { readonly name: string; readonly tokens: number; readonly tokensInFlight: number }[];
}

/** Queues of all model versions over shared lanes and devices. */
export interface Scheduler {
  /** Gauges and counts. */
  statistics(): SchedulerStatistics;
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
    statistics: () => ({
      overheadMs: overhead.ms,
      lanes: [...lanes.values()].map(({ busyMs, inFlight }) => ({ busyMs, inFlight })),
      devices: [...devices.values()].map(({ name, tokens, tokensInFlight }) => ({ name, tokens, tokensInFlight })),
    }),
    createEngine(options) {
      return new BatchingEngine(options, clock, overhead, (instance, user) => {
        const lane = laneOf(instance.lane);
        lane.join(user, seatOf(instance));
        return lane;
      });
    },
  };
}
