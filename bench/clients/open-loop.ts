// Open loop: calls start at the times of a Poisson process whether or not earlier ones were answered.

import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { LoadResult, LoadSpec } from "./load-spec.ts";
import { startTally } from "./tally.ts";
import { openLane } from "./unary-load.ts";

// Timers of Node are a millisecond apart; nearer arrivals are awaited turn by turn.
const timerMs = 2;
const graceMs = 5000;

/** A seeded generator of uniform numbers in (0, 1] (mulberry32), so that every server meets the same schedule. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (((t ^ (t >>> 14)) >>> 0) + 1) / 4294967296;
  };
}

/** Runs Poisson arrivals of `spec.rate` per second; latency counts from the scheduled time, so that a late generator hides nothing. */
export async function runOpenLoop(spec: LoadSpec, path: string, request: Uint8Array): Promise<LoadResult> {
  const random = seededRandom(spec.seed ?? 1);
  const meanGapMs = 1000 / (spec.rate ?? 1000);
  const tally = startTally(spec);
  const lanes = await Promise.all(Array.from({ length: spec.connections }, () => openLane(spec, path, request, tally, () => {})));
  let turn = 0;
  let dueMs = performance.now();
  for (let nowMs = dueMs; tally.running(dueMs); nowMs = performance.now()) {
    while (dueMs <= nowMs && tally.running(dueMs)) {
      const lane = lanes[turn++ % lanes.length]!;
      if (lane.inFlight() < spec.inFlight) {
        tally.late(dueMs, performance.now() - dueMs);
        lane.start(dueMs);
      } else {
        tally.finish(nowMs, dueMs, 8);
      }
      dueMs -= Math.log(random()) * meanGapMs;
    }
    for (const lane of lanes) lane.flush();
    if (dueMs - performance.now() > timerMs) await sleep(dueMs - performance.now() - timerMs);
    else await nextTurn();
  }
  const giveUpMs = performance.now() + graceMs;
  while (lanes.some((lane) => lane.inFlight() > 0) && performance.now() < giveUpMs) await sleep(5);
  for (const lane of lanes) {
    for (let i = lane.inFlight(); i > 0; i--) tally.finish(performance.now(), performance.now(), -1);
    lane.close();
  }
  return tally.result();
}
