import { expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { makeIsotonic } from "../../../src/engine/scheduler/isotonic.ts";

/** Min-max formula: every value is the largest of the smallest weighted means of the ranges around it. */
function reference(values: readonly number[], weights: readonly number[]): number[] {
  const mean = (from: number, to: number): number => {
    let sum = 0;
    let weight = 0;
    for (let i = from; i <= to; i++) {
      sum += values[i]! * weights[i]!;
      weight += weights[i]!;
    }
    return sum / weight;
  };
  return values.map((_, at) => {
    let best = -Infinity;
    for (let from = 0; from <= at; from++) {
      let least = Infinity;
      for (let to = at; to < values.length; to++) least = Math.min(least, mean(from, to));
      best = Math.max(best, least);
    }
    return best;
  });
}

const measured = fc.array(fc.tuple(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 1, max: 64 })), { maxLength: 20 });

test("property: pooling finds what the min-max formula finds", () => {
  fc.assert(
    fc.property(measured, (points) => {
      const values = Float64Array.from(points, ([value]) => value);
      const weights = points.map(([, weight]) => weight);
      const expected = reference([...values], weights);
      makeIsotonic(values, weights);
      for (const [i, value] of values.entries()) expect(value).toBeCloseTo(expected[i]!, 8);
    }),
    { numRuns: 500 },
  );
});

test("what rises already stays as it is, and one odd value counts for what it weighs", () => {
  const rising = Float64Array.of(1, 2, 2, 5);
  makeIsotonic(rising, [1, 1, 1, 1]);
  expect([...rising]).toEqual([1, 2, 2, 5]);
  const odd = Float64Array.of(100, 2, 4);
  makeIsotonic(odd, [1, 49, 50]);
  expect([...odd]).toEqual([3.96, 3.96, 4]);
});
