// A run that hangs in a process can be ended: its caller hears of it, and the successor has the model again.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";

import type { SessionSpec } from "../../src/engine/onnx/protocol.ts";
import type { Slot } from "../../src/engine/onnx/slot.ts";
import type { WorkerLane } from "../../src/engine/onnx/worker-lane.ts";
import { createWorkerPool } from "../../src/engine/onnx/worker-pool.ts";
import { silentLogger } from "../../src/telemetry/logger.ts";
import { slow } from "../support/models.ts";

const SESSION = 1;
/** Hours. */
const FOR_EVER = 5_000_000;

const pool = createWorkerPool({ maxWorkers: 1, heapMb: 256, maxRespawnMs: 50, logger: silentLogger() });
let folder: string;
let lane: WorkerLane;
let spec: SessionSpec;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "predictd-test-"));
  const path = join(folder, "slow.onnx");
  await writeFile(path, slow());
  spec = {
    path,
    provider: "cpu",
    deviceId: undefined,
    intraOpThreads: 1,
    interOpThreads: 0,
    parallelExecution: false,
    graphOptimization: "all",
  };
  lane = pool.place(1, "cpu", "process")[0]!;
  await lane.create(SESSION, spec);
});
afterAll(async () => {
  await pool.close();
  await rm(folder, { recursive: true });
});

const inputs = (steps: number) => (slot: Slot) => {
  slot.reset(8, 1);
  const offset = slot.startInput();
  slot.append(new Uint8Array(Float32Array.of(steps, 7).buffer));
  return [{ offset, byteLength: 8, dims: [1, 2] }];
};
const answerOf = async (run: ReturnType<WorkerLane["run"]>) => [...new Float32Array(Uint8Array.from((await run).outputs[0]!.bytes).buffer)];

test("what runs and what waits behind it are lost, the next run is answered", async () => {
  const hung = expect(lane.run(SESSION, [0], inputs(FOR_EVER))).rejects.toMatchObject({ reason: "WORKER_LOST" });
  const behind = expect(lane.run(SESSION, [0], inputs(1))).rejects.toMatchObject({ reason: "WORKER_LOST" });
  lane.kill!();
  await Promise.all([hung, behind]);
  expect(lane.available).toBe(false);

  await new Promise<void>((resolve) => lane.onAvailable(resolve));
  expect(await answerOf(lane.run(SESSION, [0], inputs(2)))).toEqual([2, 7]);
});

test("warm-up waits for the successor", async () => {
  const hung = expect(lane.warm(SESSION, [0], inputs(FOR_EVER))).rejects.toMatchObject({ reason: "WORKER_LOST" });
  const next = lane.warm(SESSION, [0], inputs(3));
  await new Promise((resolve) => setTimeout(resolve, 50));
  lane.kill!();
  await hung;

  expect(await answerOf(next)).toEqual([3, 7]);
});

test("a lane that has lost its last session ends its process and serves the next one with another", async () => {
  await lane.release(SESSION);
  expect(lane.kill).toBeUndefined();
  expect(pool.place(1, "cpu", "process")[0]).toBe(lane);
  expect(pool.place(1, "cpu", "process")[0]).not.toBe(lane);
  await lane.create(SESSION, spec);
  expect(await answerOf(lane.run(SESSION, [0], inputs(4)))).toEqual([4, 7]);
});

test("threads and the main thread cannot be killed", () => {
  expect(pool.place(1, "cpu", "thread")[0]!.kill).toBeUndefined();
  expect(pool.place(1, "cpu", "inline")[0]!.kill).toBeUndefined();
});
