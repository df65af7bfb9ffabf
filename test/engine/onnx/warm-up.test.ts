// Which trial runs a model gets before it is ready.

import { expect, test } from "@jest/globals";
import type { OnnxInstance } from "../../../src/engine/onnx/onnx-instance.ts";
import type { WarmUpOptions } from "../../../src/engine/onnx/warm-up.ts";
import { warmUp } from "../../../src/engine/onnx/warm-up.ts";
import { LatencyModel } from "../../../src/engine/scheduler/latency-model.ts";
import type { TensorSpec } from "../../../src/tensor/signature.ts";

const BYTES_PER_ROW = 1_000_000;

function spec(name: string, width: number): TensorSpec {
  return { name, dtype: "UINT8", dims: [-1, width].map((size) => ({ size, symbol: "" })), description: "", columns: [], labels: [] };
}

/** Warms a model up whose output is a zero for each row. @returns the rows of every run. */
async function sizesOf(options: Partial<WarmUpOptions>): Promise<ReadonlySet<number>> {
  const sizes = new Set<number>();
  const warm: OnnxInstance["warm"] = (_parts, rows) => {
    sizes.add(rows);
    return Promise.resolve({ outputs: [{ dtype: "UINT8", shape: [rows, 1], bytes: new Uint8Array(rows) }], runMs: 1 });
  };
  await warmUp({
    signature: { inputs: [spec("x", BYTES_PER_ROW)], outputs: [spec("y", 1)] },
    instances: [{ warm } as unknown as OnnxInstance], // only `warm` is asked for
    maxBatchSize: 4,
    maxBatchBytes: Infinity,
    allowed: [],
    runs: 2,
    budgetMs: 60_000,
    dims: new Map(),
    samples: [],
    keepsRows: true,
    latency: new LatencyModel(),
    ...options,
  });
  return sizes;
}

test("batches larger than maxBatchBytes never run together, so they are not tried either", async () => {
  expect([...(await sizesOf({ maxBatchSize: 65_536, maxBatchBytes: 6 * BYTES_PER_ROW }))].toSorted((a, b) => a - b)).toEqual([
    1, 2, 3, 4, 6,
  ]);
});

test("a row larger than maxBatchBytes is tried alone", async () => {
  expect([...(await sizesOf({ maxBatchSize: 1, maxBatchBytes: 10 }))]).toEqual([1]);
});

test("where only certain sizes are allowed, every run has one of them, and each is measured", async () => {
  const latency = new LatencyModel();
  expect([...(await sizesOf({ allowed: [2, 4, 6], maxBatchSize: 6, latency }))].toSorted((a, b) => a - b)).toEqual([2, 4, 6]);
  expect(latency.rows().map(({ rows }) => rows)).toEqual([2, 4, 6]);
  expect([...(await sizesOf({ allowed: [4], maxBatchSize: 4, maxBatchBytes: 1 }))]).toEqual([4]);
});
