// Arrival processes: when calls are due, all of them Poisson inside spans of constant rate.

import { exponential } from "./random.ts";

/** A stretch of time with one rate, as a multiple of the mean rate of the schedule. */
export interface Step {
  readonly factor: number;
  readonly seconds: number;
}

/** How calls arrive. */
export type Arrivals =
  /** Poisson at the mean rate. */
  | { readonly kind: "poisson" }
  /** One call every 1 / rate: shows what the randomness of the others costs. */
  | { readonly kind: "even" }
  /** Two states that last exponentially distributed times; by default 3 x for 150 ms and 1/3 x for 450 ms, whose mean is 1 x. */
  | {
      readonly kind: "bursts";
      readonly highFactor: number;
      readonly lowFactor: number;
      readonly highMs: number;
      readonly lowMs: number;
    }
  /** Poisson at one rate after the other; the schedule lasts as long as they do. */
  | { readonly kind: "steps"; readonly steps: readonly Step[] };

/** The bursts of batching.md: mean 1 x. */
export const defaultBursts: Arrivals = { kind: "bursts", highFactor: 3, lowFactor: 1 / 3, highMs: 150, lowMs: 450 };

/** A span of constant rate. */
interface Span {
  readonly untilMs: number;
  readonly factor: number;
}

function* burstSpans(
  { highFactor, lowFactor, highMs, lowMs }: Extract<Arrivals, { kind: "bursts" }>,
  random: () => number,
): Generator<Span> {
  // Begins in either state with the share of time that it has.
  let high = random() <= highMs / (highMs + lowMs);
  for (let untilMs = 0; ; high = !high) {
    untilMs += exponential(random, high ? highMs : lowMs);
    yield { untilMs, factor: high ? highFactor : lowFactor };
  }
}

function* stepSpans(steps: readonly Step[], warmupMs: number): Generator<Span> {
  let untilMs = warmupMs;
  yield { untilMs, factor: steps[0]?.factor ?? 1 };
  for (const { factor, seconds } of steps) {
    untilMs += seconds * 1000;
    yield { untilMs, factor };
  }
}

function* spansOf(arrivals: Arrivals, warmupMs: number, random: () => number): Generator<Span> {
  if (arrivals.kind === "bursts") yield* burstSpans(arrivals, random);
  else if (arrivals.kind === "steps") yield* stepSpans(arrivals.steps, warmupMs);
  else yield { untilMs: Infinity, factor: 1 };
}

/**
 * Times at which calls are due, in milliseconds from the start, ascending.
 * @param rate calls per second on average; a time without calls lasts as long as its span.
 * @param warmupMs how long the first step is preceded by itself.
 */
export function arrivalTimes(arrivals: Arrivals, rate: number, warmupMs: number, untilMs: number, random: () => number): readonly number[] {
  const times: number[] = [];
  // A Poisson process of rate 1 in units of expected calls, stretched by the rate of each span.
  const nextGap = arrivals.kind === "even" ? () => 1 : () => exponential(random, 1);
  let atMs = 0;
  let gap = nextGap();
  for (const span of spansOf(arrivals, warmupMs, random)) {
    const perMs = (rate * span.factor) / 1000;
    const endMs = Math.min(span.untilMs, untilMs);
    while (atMs + gap / perMs < endMs) {
      atMs += gap / perMs;
      times.push(atMs);
      gap = nextGap();
    }
    gap -= (endMs - atMs) * perMs;
    atMs = endMs;
    if (atMs >= untilMs) break;
  }
  return times;
}
