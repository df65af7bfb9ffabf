// When the lanes of one engine will be free, each with a token of its device.

import type { DeviceState } from "./device-state.ts";
import type { LaneState, LaneUser } from "./lane-state.ts";

/**
 * Writes the times into `free`, ascending. Lanes that share a device count only as far as their runs fit side by side; lanes whose run
 * has hung do not count.
 * @returns false when no lane is left; then the one time is a guess.
 */
export function findFreeLanes(free: number[], lanes: readonly LaneState[], self: LaneUser, deadline: number, now: number): boolean {
  free.length = 0;
  let scarce: Set<DeviceState> | undefined;
  for (const lane of lanes) {
    if (lane.isHung(now)) continue;
    const device = lane.users.get(self)?.device;
    if (device?.isScarce === true) (scarce ??= new Set()).add(device);
    else insert(free, lane.freeAt(now) + lane.othersAheadMs(self, deadline, now));
  }
  if (scarce !== undefined) for (const device of scarce) addLanesOf(device, free, lanes, self, deadline, now);
  if (free.length > 0) return true;
  free[0] = Math.min(...lanes.map((lane) => mayBeFreeAt(lane, self, now)));
  return false;
}

/** A lane with a token waits for both: until it is free itself, and until the device has done what others have waiting. */
function addLanesOf(device: DeviceState, free: number[], lanes: readonly LaneState[], self: LaneUser, deadline: number, now: number): void {
  const own = lanes.filter((lane) => lane.users.get(self)?.device === device && !lane.isHung(now));
  const laneTimes: number[] = [];
  for (const lane of own) insert(laneTimes, lane.freeAt(now) + lane.othersAheadMs(self, deadline, now));
  const aheadMs = device.othersAheadMs(self, deadline, now);
  const tokenTimes = device.tokensFreeAt(own.length, own[0]!.users.get(self)!.tokens, now);
  tokenTimes.forEach((at, i) => insert(free, Math.max(laneTimes[i]!, at + aheadMs)));
}

function mayBeFreeAt(lane: LaneState, self: LaneUser, now: number): number {
  if (lane.isHung(now)) return lane.mayBeFreeAt(now);
  return lane.users.get(self)!.device!.mayBeFreeAt(now);
}

function insert(times: number[], at: number): void {
  let place = times.length;
  while (place > 0 && times[place - 1]! > at) {
    times[place] = times[place - 1]!;
    place--;
  }
  times[place] = at;
}
