// Which trial runs a model gets before it is ready.

import { expect, test } from "@jest/globals";
import type { OnnxInstance } from "../../../src/engine/onnx/onnx-instance.ts";
import type { PaddingProof } from "../../../src/engine/onnx/prove-padding.ts";
import type { WarmUpOptions } from "../../../src/engine/onnx/warm-up.ts";
import { warmUp } from "../../../src/engine/onnx/warm-up.ts";
import { longestOf } from "../../../src/engine/scheduler/padded-length.ts";
import { LatencyModel } from "../../../src/engine/scheduler/latency-model.ts";
import type { TensorSpec } from "../../../src/tensor/signature.ts";

const BYTES_PER_ROW = 1000;

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

test("further instances run every size once, and what that costs says nothing about later runs", async () => {
  const latency = new LatencyModel();
  const sizes: number[] = [];
  const slow: OnnxInstance["warm"] = (_parts, rows) => {
    sizes.push(rows);
    return Promise.resolve({ outputs: [{ dtype: "UINT8", shape: [rows, 1], bytes: new Uint8Array(rows) }], runMs: 500 });
  };
  const quick: OnnxInstance["warm"] = async (...given) => ({ ...(await slow(...given)), runMs: 1 });
  const instances = [quick, slow].map((warm) => ({ warm }) as unknown as OnnxInstance); // only `warm` is asked for
  await sizesOf({ instances, latency });
  expect(sizes.slice(-3)).toEqual([1, 2, 4]);
  expect(latency.rows().map(({ rows, meanMs }) => [rows, meanMs])).toEqual([
    [1, 1],
    [2, 1],
    [4, 1],
  ]);
});

test.each([1, 5])("however little time there is, one row is measured, with %i runs wanted", async (runs) => {
  const latency = new LatencyModel();
  await sizesOf({ latency, budgetMs: -1, runs });
  expect(latency.rows().map(({ rows }) => rows)).toEqual([1]);
});

test("where only certain sizes are allowed, every run has one of them, and each is measured", async () => {
  const latency = new LatencyModel();
  expect([...(await sizesOf({ allowed: [2, 4, 6], maxBatchSize: 6, latency }))].toSorted((a, b) => a - b)).toEqual([2, 4, 6]);
  expect(latency.rows().map(({ rows }) => rows)).toEqual([2, 4, 6]);
  expect([...(await sizesOf({ allowed: [4], maxBatchSize: 4, maxBatchBytes: 1 }))]).toEqual([4]);
});

const PADDING = {
  inputs: [{ dimension: 1, element: new Uint8Array(1), isMask: false }],
  lengthInput: 0,
  buckets: [4, 8, 16],
  maxBatchTokens: 32,
};

/** Warms a padded model up whose runs take a millisecond for every token. @returns padded length and rows of every measured run. */
async function lengthsOf(
  options: Partial<WarmUpOptions>,
): Promise<{ runs: string[]; latency: LatencyModel; padding: PaddingProof | undefined }> {
  const runs: string[] = [];
  const latency = new LatencyModel();
  const warm: OnnxInstance["warm"] = (parts, rows) => {
    const length = longestOf(parts).request.padding?.paddedLength ?? 0;
    // The proof runs rows of its own; what is measured is one request.
    if (length > 0 && parts.length === 1) runs.push(`${length}x${rows}`);
    return Promise.resolve({ outputs: [{ dtype: "UINT8", shape: [rows, 1], bytes: new Uint8Array(rows) }], runMs: length * rows });
  };
  const { padding } = await warmUp({
    signature: { inputs: [spec("x", -1)], outputs: [spec("y", 1)] },
    instances: [{ warm } as unknown as OnnxInstance], // only `warm` is asked for
    maxBatchSize: 8,
    maxBatchBytes: Infinity,
    allowed: [],
    runs: 2,
    budgetMs: 60_000,
    dims: new Map(),
    samples: [],
    keepsRows: true,
    padding: PADDING,
    latency,
    ...options,
  });
  return { runs, latency, padding };
}

test("every length is measured, the largest first, with as many rows as the token budget allows", async () => {
  const { runs, latency, padding } = await lengthsOf({ runs: 1 });
  expect(padding).toEqual({ outputDims: [[]] });
  // The first one is the proof's.
  expect(runs).toEqual(["16x1", "16x1", "16x2", "8x1", "8x2", "8x4", "4x1", "4x2", "4x4", "4x8"]);
  expect([4, 8, 16].map((length) => latency.curve(`${length}|L,;`).meanMs(2))).toEqual([8, 16, 32]);
  // Where all lengths count as one, they count as the longest.
  expect(latency.rows().map(({ rows, meanMs }) => [rows, meanMs])).toEqual([
    [1, 16],
    [2, 32],
  ]);
});

test("without any time for it every length is run once, so that its run time is known", async () => {
  const { runs, latency } = await lengthsOf({ budgetMs: 0 });
  expect(runs.slice(1)).toEqual(["16x1", "8x1", "4x1"]);
  expect(latency.curve("4|L,;").meanMs(1)).toBe(4);
});

test("a model whose batches are of one row is not padded", async () => {
  const { padding, runs } = await lengthsOf({ maxBatchSize: 1 });
  expect(padding).toEqual({ whyNot: "requests do not share runs" });
  expect(runs).toEqual([]);
});
