// Schedules: which call is due when, generated before a run from a seed, so that every server meets the same one.

import { arrivalTimes } from "./arrivals.ts";
import type { Arrivals } from "./arrivals.ts";
import { seededRandom } from "./random.ts";
import { drawer } from "./weights.ts";
import type { Weighted } from "./weights.ts";

/** What a schedule is made from. */
export interface ScheduleSpec {
  readonly seed: number;
  readonly arrivals: Arrivals;
  /** Mean calls per second. */
  readonly rate: number;
  /** Measured time; `steps` last as long as they say, whatever stands here. */
  readonly seconds: number;
  /** Time before that whose calls are sent and not counted. */
  readonly warmupSeconds: number;
  /** How long callers wait, in milliseconds; Infinity for no deadline. */
  readonly deadlinesMs: readonly Weighted<number>[];
  /** Rows of a call. */
  readonly rows: readonly Weighted<number>[];
  /** Size of the input's second dimension where it is free, for models of sequences. */
  readonly lengths?: readonly Weighted<number>[];
  readonly models: readonly Weighted<string>[];
}

/** Calls that are alike but for their time. */
export interface CallClass {
  readonly model: string;
  readonly rows: number;
  readonly length?: number;
  /** Infinity for none. */
  readonly deadlineMs: number;
}

/** A generated schedule. */
export interface Schedule {
  readonly spec: ScheduleSpec;
  readonly classes: readonly CallClass[];
  /** When each call is due, in milliseconds from the start; ascending. The first `spec.warmupSeconds` are not counted. */
  readonly atMs: readonly number[];
  /** Index of each call's class. */
  readonly classOf: readonly number[];
}

/** Measured seconds of a schedule: of `steps` their sum. */
export function measuredSeconds({ arrivals, seconds }: ScheduleSpec): number {
  return arrivals.kind === "steps" ? arrivals.steps.reduce((sum, step) => sum + step.seconds, 0) : seconds;
}

/** Generates a schedule; the same spec always gives the same one. @throws Error for a mix without values. */
export function makeSchedule(spec: ScheduleSpec): Schedule {
  // Sources of their own, so that a change of one mix leaves the times as they are.
  const source = (n: number): (() => number) => seededRandom(Math.imul(spec.seed, 16) + n);
  const warmupMs = spec.warmupSeconds * 1000;
  const atMs = arrivalTimes(spec.arrivals, spec.rate, warmupMs, warmupMs + measuredSeconds(spec) * 1000, source(0));
  const lengths: readonly Weighted<number | undefined>[] = spec.lengths ?? [{ value: undefined, weight: 1 }];
  const classes = spec.models.flatMap(({ value: model }) =>
    spec.deadlinesMs.flatMap(({ value: deadlineMs }) =>
      spec.rows.flatMap(({ value: rows }) => lengths.map(({ value: length }): CallClass => ({ model, rows, length, deadlineMs }))),
    ),
  );
  const model = drawer(spec.models, source(1));
  const deadline = drawer(spec.deadlinesMs, source(2));
  const rows = drawer(spec.rows, source(3));
  const length = drawer(lengths, source(4));
  const classOf = atMs.map(
    () => ((model() * spec.deadlinesMs.length + deadline()) * spec.rows.length + rows()) * lengths.length + length(),
  );
  return { spec, classes, atMs, classOf };
}
