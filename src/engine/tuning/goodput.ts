// The largest rate of requests that are answered in time, found by playing random arrivals through measured run times.

import { makeIsotonic } from "../scheduler/isotonic.ts";
import type { Measurement } from "./measurement.ts";
import { medianOf } from "./measurement.ts";

/** Share of the requests that has to be answered within the objective. */
export const GOODPUT_SHARE = 0.99;

/** Requests of one trial, and halvings of the range in which the rate is sought: enough to tell rates apart that differ by a few per cent. */
const ARRIVALS = 4000;
const HALVINGS = 9;

/** Above this share of what full batches reach a queue grows longer than any trial shows. */
const MOST_LOAD = 0.95;

/** What the event loop needs for one unary request, in core milliseconds: it is a limit of its own, and takes cores from the runs. */
const FRONT_END_MS = 0.0625;

/** No model answers more unary requests of one row a second than one event loop takes in. */
export const MOST_REQUESTS_PER_SECOND = 1000 / FRONT_END_MS;

/** What the scheduler takes off every deadline on an idle server, in milliseconds. */
const OVERHEAD_MS = 0.5;

/** How much longer than usual a run of a trial takes at most: one stall during the sweep says nothing about the choice that was tried. */
const MAX_NOISE = 2;

/** What decides which rate counts. */
export interface GoodputOptions {
  /** Time within which a request has to be answered, in milliseconds. */
  readonly objectiveMs: number;
  /** Cores of the machine, which runs share with the event loop. */
  readonly cores: number;
}

/**
 * Plays requests of one row that come at random through as many servers as there are instances. Whoever is idle takes all that wait, up to
 * `maxRows`, oldest first; what cannot be in time any more is dropped, as the scheduler does. The same measurement gives the same rate.
 * @param maxRows one of the measured sizes. @returns requests per second; 0 when not even a lonely request is in time.
 */
export function goodputPerSecond(measurement: Measurement, maxRows: number, { objectiveMs, cores }: GoodputOptions): number {
  const { instances, intraOpThreads, execution } = measurement;
  const table = busyTable(measurement, maxRows);
  // On the main thread requests are read and written while no run goes on.
  if (execution === "inline") for (let rows = 1; rows <= maxRows; rows++) table[rows]! += rows * FRONT_END_MS;
  const noise = noiseOf(measurement);
  let best = 0;
  for (let rows = 1; rows <= maxRows; rows++) best = Math.max(best, rows / table[rows]!);
  const mostPerMs = Math.min(MOST_LOAD * instances * best, MOST_REQUESTS_PER_SECOND / 1000);
  const isEnough = (perMs: number): boolean => {
    const busyCores = execution === "inline" ? 1 : (instances * intraOpThreads * perMs) / (instances * best) + perMs * FRONT_END_MS;
    const trial = { instances, maxRows, table, noise, slowdown: Math.max(1, busyCores / cores), dueMs: objectiveMs - OVERHEAD_MS };
    return shareInTime(trial, perMs) >= GOODPUT_SHARE;
  };
  if (isEnough(mostPerMs)) return mostPerMs * 1000;
  let [good, bad] = [0, mostPerMs];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (good + bad) / 2;
    if (isEnough(middle)) good = middle;
    else bad = middle;
  }
  return good * 1000;
}

interface Trial {
  readonly instances: number;
  readonly maxRows: number;
  /** Milliseconds by rows. */
  readonly table: Float64Array;
  /** Factors, any of which a run may have. */
  readonly noise: readonly number[];
  readonly slowdown: number;
  readonly dueMs: number;
}

/** The same for every trial, so that what differs is the choice that is tried; at a rate of 1. */
let unitArrivals: Float64Array | undefined;

function drawArrivals(): Float64Array {
  const random = createRandom(1);
  let at = 0;
  return Float64Array.from({ length: ARRIVALS }, () => (at -= Math.log(1 - random())));
}

function shareInTime({ instances, maxRows, table, noise, slowdown, dueMs }: Trial, perMs: number): number {
  const random = createRandom(2);
  const arrivals = (unitArrivals ??= drawArrivals()).map((at) => at / perMs);
  const freeAt = new Float64Array(instances);
  let inTime = 0;
  let head = 0;
  while (head < ARRIVALS) {
    let next = 0;
    for (let i = 1; i < instances; i++) if (freeAt[i]! < freeAt[next]!) next = i;
    const start = Math.max(freeAt[next]!, arrivals[head]!);
    if (start + table[1]! * slowdown > arrivals[head]! + dueMs) {
      head++;
      continue;
    }
    let end = head + 1;
    while (end < ARRIVALS && end - head < maxRows && arrivals[end]! <= start) end++;
    const done = start + table[end - head]! * slowdown * noise[Math.floor(random() * noise.length)]!;
    for (; head < end; head++) if (done <= arrivals[head]! + dueMs) inTime++;
    freeAt[next] = done;
  }
  return inTime / ARRIVALS;
}

/** Medians by rows, from 1 to `maxRows`: never falling, interpolated between the sizes that were measured. */
function busyTable({ sizes }: Measurement, maxRows: number): Float64Array {
  const known = sizes.filter(({ rows }) => rows <= maxRows);
  const medians = Float64Array.from(known, ({ busyMs }) => medianOf(busyMs));
  makeIsotonic(
    medians,
    known.map(({ busyMs }) => busyMs.length),
  );
  const table = new Float64Array(maxRows + 1);
  let above = 0;
  for (let rows = 1; rows <= maxRows; rows++) {
    while (known[above]!.rows < rows) above++;
    const below = Math.max(0, above - 1);
    const width = known[above]!.rows - known[below]!.rows;
    const share = width === 0 ? 1 : (rows - known[below]!.rows) / width;
    table[rows] = medians[below]! + share * (medians[above]! - medians[below]!);
  }
  return table;
}

/** How much longer or shorter than the median of its size each run took. */
function noiseOf({ sizes }: Measurement): readonly number[] {
  return sizes.flatMap(({ busyMs }) => {
    const median = medianOf(busyMs);
    return busyMs.map((ms) => (median === 0 ? 1 : Math.min(MAX_NOISE, ms / median)));
  });
}

/** Numbers from 0 to 1, always the same for a seed (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
