// Which instances and threads a sweep tries.

import { describe, expect, test } from "@jest/globals";
import { assert, integer, property } from "fast-check";
import type { CandidateOptions } from "../../../src/engine/tuning/candidates.ts";
import { candidates, powersOfTwo } from "../../../src/engine/tuning/candidates.ts";

function tried(options: Partial<CandidateOptions>): readonly string[] {
  const usual = { execution: "thread", provider: "cpu", cores: 4, maxWorkers: 4, pins: {} } as const;
  return candidates({ ...usual, ...options }).map(({ instances, intraOpThreads }) => `${instances} × ${intraOpThreads}`);
}

describe("instances × threads", () => {
  test.each<[string, Partial<CandidateOptions>, readonly string[]]>([
    ["one core leaves no choice", { cores: 1, maxWorkers: 1 }, ["1 × 1"]],
    ["two cores", { cores: 2, maxWorkers: 2 }, ["1 × 1", "1 × 2", "2 × 1"]],
    ["the smallest first, then those that use most cores", {}, ["1 × 1", "1 × 4", "2 × 2", "4 × 1", "1 × 2", "2 × 1"]],
    [
      "six cores: every number of threads that divides them",
      { cores: 6, maxWorkers: 6 },
      ["1 × 1", "1 × 6", "2 × 3", "3 × 2", "6 × 1", "2 × 2", "4 × 1", "1 × 3", "1 × 2", "2 × 1"],
    ],
    ["no more instances than workers", { maxWorkers: 1 }, ["1 × 1", "1 × 4", "1 × 2"]],
    ["processes are workers too", { execution: "process", cores: 2, maxWorkers: 2 }, ["1 × 1", "1 × 2", "2 × 1"]],
    ["inline has one main thread", { execution: "inline" }, ["1 × 1", "1 × 4", "1 × 2"]],
    ["WebGPU runs must not overlap, and have no threads", { provider: "webgpu" }, ["1 × 1"]],
    ["a GPU: one instance copies while the other computes", { provider: "cuda" }, ["1 × 1", "2 × 1"]],
    ["pinned threads", { pins: { intraOpThreads: 2 } }, ["1 × 2", "2 × 2"]],
    ["pinned instances", { pins: { instances: 2 } }, ["2 × 1", "2 × 4", "2 × 2"]],
    ["both are pinned", { pins: { instances: 3, intraOpThreads: 4 } }, ["3 × 4"]],
    ["pinned beyond the workers", { pins: { instances: 9, intraOpThreads: 1 } }, ["4 × 1"]],
  ])("%s", (_, options, expected) => {
    expect(tried(options)).toEqual(expected);
  });

  test("never more threads than cores, never the same twice, and at least one", () => {
    assert(
      property(integer({ min: 1, max: 64 }), integer({ min: 1, max: 64 }), (cores, maxWorkers) => {
        const found = candidates({ execution: "thread", provider: "cpu", cores, maxWorkers, pins: {} });
        expect(found.every(({ instances, intraOpThreads }) => instances * intraOpThreads <= cores && instances <= maxWorkers)).toBe(true);
        expect(new Set(found.map(({ instances, intraOpThreads }) => `${instances} ${intraOpThreads}`)).size).toBe(found.length);
        expect(found[0]).toEqual({ instances: 1, intraOpThreads: 1 });
      }),
    );
  });
});

test.each([
  [1, [1]],
  [8, [1, 2, 4, 8]],
  [12, [1, 2, 4, 8, 12]],
])("powers of two up to %d and itself", (limit, expected) => {
  expect(powersOfTwo(limit)).toEqual(expected);
});
