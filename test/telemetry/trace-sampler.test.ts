// Which requests are traced, and how values of a model and of the server go together.

import { describe, expect, test } from "@jest/globals";
import { createTraceSampler, type TraceSampler } from "../../src/telemetry/trace-sampler.ts";

/** Numbers, from 1, of the requests that are picked out of so many. */
function picked(sampler: TraceSampler, model: string, requests: number): readonly number[] {
  return Array.from({ length: requests }, (_, index) => index + 1).filter(() => sampler.sample(model));
}

describe("sampling", () => {
  test("nothing is traced until somebody asks for it", () => {
    expect(picked(createTraceSampler(), "a", 2000)).toEqual([]);
  });

  test("one of 1000 requests by default", () => {
    const sampler = createTraceSampler();
    sampler.update("", { timestamps: true });
    expect(picked(sampler, "a", 2500)).toEqual([1000, 2000]);
  });

  test("models without values of their own are counted together", () => {
    const sampler = createTraceSampler();
    sampler.update("", { timestamps: true, rate: 3 });
    expect(["a", "b", "c", "a", "b", "c"].map((model) => sampler.sample(model))).toEqual([false, false, true, false, false, true]);
  });

  test("the count runs down to nothing and shows what is left", () => {
    const sampler = createTraceSampler();
    sampler.update("", { timestamps: true, rate: 2, count: 2 });
    expect(picked(sampler, "a", 3)).toEqual([2]);
    expect(sampler.values("a").count).toBe(1);
    expect(picked(sampler, "a", 10)).toEqual([1]);
    expect(sampler.values("").count).toBe(0);
    sampler.update("", { count: 1 });
    expect(picked(sampler, "a", 10)).toEqual([2]);
  });

  test("a change of something else leaves the count where it is", () => {
    const sampler = createTraceSampler();
    sampler.update("", { timestamps: true, rate: 1, count: 5 });
    expect(picked(sampler, "a", 2)).toEqual([1, 2]);
    sampler.update("", { rate: 2 });
    expect(sampler.values("").count).toBe(3);
  });

  test("reading, which is a change of nothing, does not disturb the counting", () => {
    const sampler = createTraceSampler();
    sampler.update("", { timestamps: true, rate: 3 });
    expect(picked(sampler, "a", 2)).toEqual([]);
    sampler.update("", {});
    sampler.update("a", {});
    expect(sampler.sample("a")).toBe(true);
  });
});

describe("values of a model", () => {
  test("stand above the server's, which fill in the rest, also later", () => {
    const sampler = createTraceSampler();
    sampler.update("a", { rate: 12, tracesPerFile: 34 });
    sampler.update("", { timestamps: true, rate: 56, count: 78 });
    expect(sampler.values("a")).toEqual({ timestamps: true, rate: 12, count: 78, tracesPerFile: 34 });
    expect(sampler.values("b")).toEqual({ timestamps: true, rate: 56, count: 78, tracesPerFile: 0 });
  });

  test("taken back, they are the server's again; the server's are the defaults again", () => {
    const sampler = createTraceSampler();
    sampler.update("a", { rate: 12, tracesPerFile: 34 });
    sampler.update("", { timestamps: true, rate: 56, count: 78 });
    sampler.update("", { rate: null, count: null });
    expect(sampler.values("")).toEqual({ timestamps: true, rate: 1000, count: -1, tracesPerFile: 0 });
    expect(sampler.values("a")).toEqual({ timestamps: true, rate: 12, count: -1, tracesPerFile: 34 });
    sampler.update("a", { rate: null, timestamps: null });
    expect(sampler.values("a")).toEqual({ timestamps: true, rate: 1000, count: -1, tracesPerFile: 34 });
    sampler.update("a", { tracesPerFile: null });
    sampler.update("", { timestamps: null });
    expect(sampler.values("a")).toEqual({ timestamps: false, rate: 1000, count: -1, tracesPerFile: 0 });
  });

  test("a model is traced alone, or left out alone", () => {
    const sampler = createTraceSampler();
    sampler.update("", { rate: 1 });
    sampler.update("a", { timestamps: true });
    expect([sampler.sample("a"), sampler.sample("b")]).toEqual([true, false]);
    sampler.update("", { timestamps: true });
    sampler.update("a", { timestamps: false });
    expect([sampler.sample("a"), sampler.sample("b")]).toEqual([false, true]);
  });

  test("a model without a count of its own draws on the server's; one with its own does not", () => {
    const sampler = createTraceSampler();
    sampler.update("", { timestamps: true, rate: 1, count: 3 });
    sampler.update("a", { tracesPerFile: 1 });
    sampler.update("b", { count: 2 });
    expect([picked(sampler, "a", 2), picked(sampler, "b", 5), picked(sampler, "c", 5)]).toEqual([[1, 2], [1, 2], [1]]);
    expect(["", "a", "b"].map((model) => sampler.values(model).count)).toEqual([0, 0, 0]);
    sampler.update("b", { count: null });
    expect(sampler.sample("b")).toBe(false);
  });

  test("a change counts its model anew and nobody else", () => {
    const sampler = createTraceSampler();
    sampler.update("", { timestamps: true, rate: 2 });
    sampler.update("a", { rate: 2 });
    expect([sampler.sample("a"), sampler.sample("b")]).toEqual([false, false]);
    sampler.update("a", { tracesPerFile: 5 });
    expect([sampler.sample("a"), sampler.sample("b")]).toEqual([false, true]);
  });

  test("are held for 1024 models and no more", () => {
    const sampler = createTraceSampler();
    for (let i = 0; i < 1024; i++) sampler.update(`m${i}`, { rate: 5 });
    expect(() => sampler.update("one more", { rate: 5 })).toThrow(
      expect.objectContaining({ reason: "PARAMETER_INVALID", violations: [expect.objectContaining({ field: "model_name" })] }),
    );
    expect(sampler.values("one more").rate).toBe(1000);
    sampler.update("m7", { rate: 6 });
    sampler.update("one more", { rate: null });
    sampler.update("m7", { rate: null });
    sampler.update("one more", { rate: 5 });
    expect(sampler.values("one more").rate).toBe(5);
  });
});
