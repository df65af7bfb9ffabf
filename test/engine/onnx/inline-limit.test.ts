import { expect, test } from "@jest/globals";
import { ModelError } from "../../../src/engine/backend.ts";
import { checkInline } from "../../../src/engine/onnx/inline-limit.ts";

const timing = (rows: number, meanMs: number) => ({ rows, runs: 4, meanMs, p95Ms: meanMs });

test("short runs are what the main thread is for", () => {
  expect(checkInline(0.02, [timing(1, 0.02), timing(32, 0.4)])).toBeUndefined();
  expect(checkInline(0.1, [])).toBeUndefined();
});

test("a model that the way to a worker would cost less is served with a warning that says its times", () => {
  expect(checkInline(0.4567, [timing(1, 0.46)])).toContain("take 0.46 ms for one row, and");
  expect(checkInline(0.05, [timing(1, 0.05), timing(128, 3.21)])).toContain("take 0.05 ms for one row and 3.2 ms for 128, and");
});

test("one that would hold everybody up is refused with its time and the bound", () => {
  expect(() => checkInline(3.2, [timing(1, 3.2)])).toThrow(
    new ModelError("A run of one row takes 3.2 ms; execution: inline is for 1 ms at most. Use thread or process."),
  );
});

test("one that could not be measured is served, and says so", () => {
  expect(checkInline(undefined, [])).toContain("was not measured");
});
