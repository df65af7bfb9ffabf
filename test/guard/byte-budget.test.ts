import { expect, test } from "@jest/globals";
import { createByteBudget } from "../../src/guard/byte-budget.ts";

test("bytes fit until the budget is full, and again once they are given back", () => {
  const budget = createByteBudget(10);
  expect(budget.tryTake(6)).toBe(true);
  expect(budget.tryTake(5)).toBe(false);
  budget.give(6);
  expect(budget.tryTake(5)).toBe(true);
  expect(budget.used).toBe(5);
});

test("who waits gets in by arrival; a small message does not overtake a large one", () => {
  const budget = createByteBudget(10);
  const admitted: string[] = [];
  budget.take(10);
  budget.wait(8, () => admitted.push("large"));
  budget.wait(1, () => admitted.push("small"));
  budget.give(5);
  expect(admitted).toEqual([]);
  expect(budget.tryTake(1)).toBe(false);
  budget.give(5);
  expect(admitted).toEqual(["large", "small"]);
  expect(budget.used).toBe(9);
});

test("who leaves the line no longer holds it up", () => {
  const budget = createByteBudget(10);
  const admitted: string[] = [];
  budget.take(10);
  const leave = budget.wait(9, () => admitted.push("gone"));
  budget.wait(1, () => admitted.push("next"));
  budget.give(2);
  expect(admitted).toEqual([]);
  // Nobody gives anything back when a large one leaves: the next must not wait for that.
  leave();
  leave();
  expect(admitted).toEqual(["next"]);
});

test("a message larger than the whole budget gets in when nothing else is held", () => {
  const budget = createByteBudget(10);
  expect(budget.tryTake(50)).toBe(true);
  expect(budget.tryTake(1)).toBe(false);
});

test("giving back more than was taken is a bug", () => {
  expect(() => createByteBudget(10).give(1)).toThrow("bug");
});
