// ModelStatistics: what is counted after known traffic, in Triton's terms.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ModelStatistics } from "../../generated/inference/grpc_service.ts";
import { toStatistics } from "../../src/transport/grpc/methods/oip/statistics.ts";
import { double, gather } from "../support/models.ts";
import type { TestServer } from "../support/server.ts";
import { startServer } from "../support/server.ts";
import type { OipClient } from "./oip-service.ts";
import { connectOip } from "./oip-service.ts";

const STAGES = ["queue", "computeInput", "computeInfer", "computeOutput"] as const;

let server: TestServer;
let oip: OipClient;
beforeAll(async () => {
  server = await startServer({
    models: {
      "double/1/model.onnx": double(),
      "double/2/model.onnx": double(),
      "double/model.yaml": "maxBatchSize: 4\ninstances: 1\n",
      "busy.onnx": double(),
      "gather.onnx": gather(),
      "corrupt.onnx": "not a model",
    },
  });
  oip = connectOip(server.address);
});
afterAll(async () => {
  oip?.close();
  await server?.stop();
});

function infer(modelName: string, rows: number, modelVersion = ""): Promise<unknown> {
  const x = { name: "X", datatype: "FP32", shape: [BigInt(rows), 2n], parameters: {}, contents: undefined };
  const rawInputContents = [new Uint8Array(Float32Array.from({ length: rows * 2 }, (_, i) => i).buffer)];
  return oip.ask("modelInfer", { modelName, modelVersion, inputs: [x], rawInputContents });
}

async function statisticsOf(name: string, version: string): Promise<ModelStatistics> {
  const { modelStats } = await oip.ask("modelStatistics", { name, version });
  expect(modelStats).toHaveLength(1);
  return modelStats[0]!;
}

const stagesNs = ({ inferenceStats }: ModelStatistics): bigint => STAGES.reduce((sum, stage) => sum + inferenceStats![stage]!.ns, 0n);

/** Every number that must never fall, in one order. */
function numbersOf({ inferenceCount, executionCount, lastInference, inferenceStats, batchStats }: ModelStatistics): Map<string, bigint> {
  const durations = [
    ...Object.entries(inferenceStats!),
    ...batchStats.flatMap(({ batchSize, ...stages }) =>
      Object.entries(stages).map(([stage, value]) => [`${batchSize} ${stage}`, value] as const),
    ),
  ];
  return new Map([
    ["inferenceCount", inferenceCount],
    ["executionCount", executionCount],
    ["lastInference", lastInference],
    ...durations.flatMap(([name, value]) => [[`${name} count`, value!.count] as const, [`${name} ns`, value!.ns] as const]),
  ]);
}

test("a version that was never asked has counted nothing", async () => {
  const nothing = { count: 0n, ns: 0n };

  expect(await statisticsOf("double", "1")).toEqual({
    name: "double",
    version: "1",
    lastInference: 0n,
    inferenceCount: 0n,
    executionCount: 0n,
    inferenceStats: {
      success: nothing,
      fail: nothing,
      queue: nothing,
      computeInput: nothing,
      computeInfer: nothing,
      computeOutput: nothing,
      cacheHit: nothing,
      cacheMiss: nothing,
    },
    batchStats: [],
    memoryUsage: [],
    responseStats: {},
  });
});

test("15. success counts requests, inference_count rows, execution_count batches, batch_stats by the size that ran", async () => {
  const before = Date.now();
  for (const rows of [1, 1, 1, 3, 3]) await infer("double", rows);
  // More rows than a batch may have: one of four and one of two.
  await infer("double", 6);

  const { inferenceStats, batchStats, ...counts } = await statisticsOf("double", "2");
  expect(counts).toMatchObject({ name: "double", version: "2", inferenceCount: 15n, executionCount: 7n });
  expect(Number(counts.lastInference)).toBeGreaterThanOrEqual(before);
  expect(Number(counts.lastInference)).toBeLessThanOrEqual(Date.now());
  for (const stage of ["success", ...STAGES] as const)
    expect({ stage, count: inferenceStats![stage]!.count }).toEqual({ stage, count: 6n });
  expect(inferenceStats).toMatchObject({ fail: { count: 0n, ns: 0n }, cacheHit: { count: 0n }, cacheMiss: { count: 0n } });
  expect(batchStats.map(({ batchSize, computeInfer }) => [batchSize, computeInfer!.count])).toEqual([
    [1n, 3n],
    [2n, 1n],
    [3n, 2n],
    [4n, 1n],
  ]);
  for (const { computeInput, computeInfer, computeOutput } of batchStats) {
    expect(computeInput!.count).toBe(computeInfer!.count);
    expect(computeOutput!.count).toBe(computeInfer!.count);
    expect(computeInfer!.ns).toBeGreaterThan(0n);
  }
  // The other version was not asked.
  expect(await statisticsOf("double", "1")).toMatchObject({ inferenceCount: 0n, executionCount: 0n });
});

test("15. no number falls under load, and the stages add up to no more than the whole", async () => {
  const seen: ModelStatistics[] = [];
  for (let round = 0; round < 10; round++) {
    const calls = Array.from({ length: 40 }, (_, i) => infer("busy", 1 + (i % 5)));
    seen.push(await statisticsOf("busy", ""));
    await Promise.all(calls);
  }
  seen.push(await statisticsOf("busy", ""));

  for (const [i, statistics] of seen.entries()) {
    expect(stagesNs(statistics)).toBeLessThanOrEqual(statistics.inferenceStats!.success!.ns);
    const before = numbersOf(seen[i - 1] ?? statistics);
    const after = numbersOf(statistics);
    expect([...before].filter(([name, value]) => (after.get(name) ?? -1n) < value)).toEqual([]);
  }
  const { inferenceCount, executionCount, inferenceStats, batchStats } = seen.at(-1)!;
  expect(inferenceCount).toBe(10n * 8n * 15n);
  expect(inferenceStats!.success!.count).toBe(400n);
  expect(batchStats.reduce((sum, { computeInfer }) => sum + computeInfer!.count, 0n)).toBe(executionCount);
  expect(batchStats.reduce((sum, { batchSize, computeInfer }) => sum + batchSize * computeInfer!.count, 0n)).toBe(inferenceCount);
  expect(executionCount).toBeLessThan(400n);
});

function index(value: bigint) {
  return {
    modelName: "gather",
    inputs: [{ name: "INDEX", datatype: "INT64", shape: [1n], parameters: {}, contents: undefined }],
    rawInputContents: [new Uint8Array(BigInt64Array.of(value).buffer)],
  };
}

test("a valid request that fails is a failure, and one that is refused before is not", async () => {
  await oip.ask("modelInfer", index(3n));
  expect(await oip.refusal("modelInfer", index(99n))).toMatchObject({ reason: "MODEL_REJECTED_INPUT" });
  expect(await oip.refusal("modelInfer", { ...index(3n), inputs: [] })).toMatchObject({ code: "INVALID_ARGUMENT" });

  const { inferenceCount, inferenceStats } = await statisticsOf("gather", "");
  expect(inferenceCount).toBe(1n);
  expect(inferenceStats).toMatchObject({ success: { count: 1n }, fail: { count: 1n } });
  expect(inferenceStats!.fail!.ns).toBeGreaterThan(0n);
});

async function names(name: string, version = ""): Promise<readonly string[]> {
  const { modelStats } = await oip.ask("modelStatistics", { name, version });
  return modelStats.map((statistics) => `${statistics.name}/${statistics.version}`);
}

describe("whose statistics", () => {
  test("an empty name is all that are ready, an empty version all versions", async () => {
    expect(await names("")).toEqual(["busy/1", "double/1", "double/2", "gather/1"]);
    expect(await names("double")).toEqual(["double/1", "double/2"]);
    expect(await names("double", "2")).toEqual(["double/2"]);
  });

  test.each([
    ["nobody", "", "MODEL_NOT_FOUND"],
    ["double", "3", "VERSION_NOT_FOUND"],
    ["../double", "", "MODEL_NOT_FOUND"],
  ])("%j %j is NOT_FOUND", async (name, version, reason) => {
    expect(await oip.refusal("modelStatistics", { name, version })).toMatchObject({ code: "NOT_FOUND", reason });
  });
});

test("durations are rounded down and stay whole where a number would lose digits", () => {
  const counts = { okCount: 3, errorCount: 0, failCount: 1, rowCount: 3, lastRequestAt: 1.7, batchCount: 2, queuedRows: 0, batches: [] };
  // Half a year of runs: more nanoseconds than a double can count one by one.
  const times = { totalMs: 1e10, failMs: 0.000_001_9, queueMs: 0.25, batchMs: 0, runMs: 1e10, postprocessMs: 0 };
  const { lastInference, inferenceStats } = toStatistics("m", "1", { ...counts, ...times });

  expect(lastInference).toBe(1n);
  expect(inferenceStats).toMatchObject({
    fail: { count: 1n, ns: 1n },
    queue: { count: 3n, ns: 250_000n },
    computeInfer: { ns: 10_000_000_000_000_000n },
    success: { count: 3n, ns: 10_000_000_000_250_000n },
  });
});
