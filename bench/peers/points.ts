// Where the servers are compared: arrivals, load and deadlines of each point.

import { defaultBursts } from "../loadgen/arrivals.ts";
import type { Arrivals } from "../loadgen/arrivals.ts";
import { makeSchedule } from "../loadgen/schedule.ts";
import type { Schedule } from "../loadgen/schedule.ts";
import type { Weighted } from "../loadgen/weights.ts";
import { deadlineMs, mixedDeadlinesMs } from "./deadlines.ts";

/** One point of the comparison. */
export interface Point {
  /** Name on the command line and in results. */
  readonly name: string;
  /** What it is, for people. */
  readonly title: string;
  readonly arrivals: Arrivals;
  /** Rate as a multiple of a capacity. */
  readonly load: number;
  /** Whose capacity: the server's own, or predictd's, which gives all of them the same rate. */
  readonly of: "own" | "predictd";
  readonly deadlinesMs: readonly Weighted<number>[];
}

const poisson: Arrivals = { kind: "poisson" };
const one: readonly Weighted<number>[] = [{ value: deadlineMs, weight: 1 }];
const mixed: readonly Weighted<number>[] = mixedDeadlinesMs.map((value) => ({ value, weight: 1 }));

/** All points, in the order in which they are measured: what leaves a backlog comes last. */
export const points: readonly Point[] = [
  { name: "poisson-0.5", title: "0.5 ×", arrivals: poisson, load: 0.5, of: "own", deadlinesMs: one },
  { name: "poisson-0.85", title: "0.85 ×", arrivals: poisson, load: 0.85, of: "own", deadlinesMs: one },
  { name: "bursts-0.6-mixed", title: "bursts, mean 0.6 ×, 48/160 ms", arrivals: defaultBursts, load: 0.6, of: "own", deadlinesMs: mixed },
  { name: "poisson-1.3", title: "1.3 ×", arrivals: poisson, load: 1.3, of: "own", deadlinesMs: one },
  { name: "poisson-1.3-mixed", title: "1.3 ×, 48/160 ms", arrivals: poisson, load: 1.3, of: "own", deadlinesMs: mixed },
  { name: "poisson-2.0", title: "2.0 ×", arrivals: poisson, load: 2, of: "own", deadlinesMs: one },
  { name: "equal-1.3", title: "1.3 × of predictd's", arrivals: poisson, load: 1.3, of: "predictd", deadlinesMs: one },
];

/** Picks points by name. @throws Error for a name that is none. */
export function pointsNamed(names: readonly string[]): readonly Point[] {
  const unknown = names.filter((name) => !points.some((point) => point.name === name));
  if (unknown.length > 0) throw new Error(`No such point: ${unknown.join(", ")}; there are ${points.map(({ name }) => name).join(", ")}.`);
  return points.filter(({ name }) => names.includes(name));
}

/** The schedule of a point; the same seed gives every server the same arrivals, stretched by its rate. */
export function scheduleOf(point: Point, model: string, rate: number, seconds: number, seed: number): Schedule {
  return makeSchedule({
    seed,
    arrivals: point.arrivals,
    rate,
    seconds,
    warmupSeconds: 1,
    deadlinesMs: point.deadlinesMs,
    rows: [{ value: 1, weight: 1 }],
    models: [{ value: model, weight: 1 }],
  });
}
