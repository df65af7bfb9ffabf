// Models on WebGPU, over a Vulkan driver in software: placement, the one-run-at-a-time rule, processes, and what happens without a driver.
// It proves that the path works; its timings say nothing about a device.
import { mkdtempSync, cpSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { credentials } from "@grpc/grpc-js";
import { ModelServiceClient, type Model, type ModelVersion } from "../../generated/predictd/v1/model.ts";
import type { PredictResponse } from "../../generated/predictd/v1/prediction.ts";
import { DataType } from "../../generated/predictd/v1/tensor.ts";
import { int32Values, predict, simpleRequest } from "./support/client.ts";
import { ROOT, startServer, type RunningServer } from "./support/server.ts";
import { describeWith, findTool } from "./support/tools.ts";

const READY = 3;
const ON_WEBGPU = ["--execution-providers", "webgpu,cpu"];

async function listModels(address: string): Promise<readonly Model[]> {
  const client = new ModelServiceClient(address, credentials.createInsecure());
  try {
    return await new Promise((resolve, reject) => {
      client.listModels({}, (error, response) => (error === null ? resolve(response.models) : reject(error)));
    });
  } finally {
    client.close();
  }
}

function versionsOf(models: readonly Model[]): readonly ModelVersion[] {
  return models.flatMap(({ versions }) => versions);
}

/** One image of `digits` with ink by a pattern of its own, so that every one has other probabilities. */
function digitsRequest(seed: number) {
  const pixels = Float32Array.from({ length: 64 }, (_, i) => ((Math.imul(i + 1, 40_503 * (seed + 1)) >>> 7) % 3 === 0 ? 1 : 0));
  const input = { name: "image", dataType: DataType.DATA_TYPE_FP32, shape: [1n, 1n, 8n, 8n], raw: Buffer.from(pixels.buffer), strings: [] };
  return { model: "digits", version: "2", requestId: "", inputs: [input], outputs: [] };
}

function floatsOf(response: PredictResponse, output: string): number[] {
  const { raw } = response.outputs.find(({ name }) => name === output)!;
  return [...new Float32Array(Uint8Array.from(raw).buffer)];
}

async function digits(address: string, seed: number): Promise<number[]> {
  const answer = await predict(address, digitsRequest(seed));
  if (!("outputs" in answer)) throw new Error(`refused: ${answer.message}`);
  return floatsOf(answer, "probabilities");
}

function expectClose(got: readonly number[], wanted: readonly number[]): void {
  expect(got).toHaveLength(wanted.length);
  for (const [i, value] of got.entries()) expect(Math.abs(value - wanted[i]!)).toBeLessThan(1e-3);
}

// onnxruntime's package for Linux on arm64 has no WebGPU.
const describeHere: typeof describeWith =
  process.arch === "x64"
    ? describeWith
    : (_tools, name) => {
        const reason = `onnxruntime has no WebGPU for ${process.arch}`;
        process.stderr.write(`skipped: ${name}: ${reason}\n`);
        test.skip(`${name} (${reason})`, () => {});
      };

describeHere(["with-swiftshader"], "webgpu on a software driver", () => {
  const prefix = [findTool("with-swiftshader")!];
  let onCpu: RunningServer;
  let server: RunningServer;
  beforeAll(async () => {
    onCpu = await startServer();
    server = await startServer({ args: ON_WEBGPU, prefix });
  }, 90_000);
  afterAll(async () => {
    await server?.stop();
    await onCpu?.stop();
  }, 60_000);

  test("every bundled model is served by it", async () => {
    const versions = versionsOf(await listModels(server.address));
    expect(versions.length).toBeGreaterThan(4);
    for (const version of versions) {
      expect(version).toMatchObject({ state: READY, reason: "", execution: { kind: "thread", provider: "webgpu", providerNotes: [] } });
    }
  });

  test("concurrent calls to several models are answered right: runs never overlap", async () => {
    const wanted = await Promise.all(Array.from({ length: 32 }, (_, seed) => digits(onCpu.address, seed)));
    // Answers that changed places would be seen.
    expect(new Set(wanted.map((probabilities) => probabilities.map((value) => value.toFixed(2)).join())).size).toBeGreaterThan(10);
    const [got, simple] = await Promise.all([
      Promise.all(Array.from({ length: 96 }, (_, i) => digits(server.address, i % 32))),
      Promise.all(Array.from({ length: 32 }, () => predict(server.address, simpleRequest()))),
    ]);
    for (const [i, probabilities] of got.entries()) expectClose(probabilities, wanted[i % 32]!);
    for (const response of simple) {
      expect(int32Values(response as PredictResponse, "OUTPUT0")).toEqual(Array.from({ length: 16 }, (_, i) => i + 1));
    }
  }, 60_000);

  test("it ends cleanly with sessions on the device", async () => {
    expect(await server.stop()).toBe(0);
  }, 60_000);
});

describeHere(["with-swiftshader"], "webgpu in processes", () => {
  const models = mkdtempSync(join(tmpdir(), "predictd-models-"));
  let server: RunningServer;
  beforeAll(async () => {
    for (const name of ["digits", "simple"]) cpSync(join(ROOT, "models", name), join(models, name), { recursive: true });
    server = await startServer({
      modelDir: models,
      args: [...ON_WEBGPU, "--execution", "process", "--instances", "1"],
      prefix: [findTool("with-swiftshader")!],
    });
  }, 90_000);
  afterAll(async () => {
    await server?.stop();
    rmSync(models, { recursive: true });
  }, 60_000);

  test("each process has the device for itself, so that runs of several models may overlap", async () => {
    for (const version of versionsOf(await listModels(server.address))) {
      expect(version).toMatchObject({ state: READY, execution: { kind: "process", provider: "webgpu" } });
    }
    const alone = await digits(server.address, 7);
    const answers = await Promise.all([
      ...Array.from({ length: 32 }, () => digits(server.address, 7)),
      ...Array.from({ length: 32 }, () => predict(server.address, simpleRequest())),
    ]);
    for (const answer of answers.slice(0, 32)) expectClose(answer as number[], alone);
    for (const answer of answers.slice(32)) {
      expect(int32Values(answer as PredictResponse, "OUTPUT1")).toEqual(Array.from({ length: 16 }, (_, i) => i - 1));
    }
  }, 60_000);
});

describe("webgpu without a driver", () => {
  let server: RunningServer;
  beforeAll(async () => {
    // Whatever driver this machine has is not looked for.
    const env = { PATH: process.env["PATH"], HOME: tmpdir(), VK_DRIVER_FILES: "/nonexistent.json", VK_ICD_FILENAMES: "/nonexistent.json" };
    server = await startServer({ args: ON_WEBGPU, env });
  }, 90_000);
  afterAll(() => server?.stop(), 60_000);

  test("models run on the CPU, and say why", async () => {
    for (const version of versionsOf(await listModels(server.address))) {
      expect(version).toMatchObject({
        state: READY,
        execution: { provider: "cpu", providerNotes: [expect.stringMatching(/^webgpu: \S/)] },
      });
    }
    expect(int32Values((await predict(server.address, simpleRequest())) as PredictResponse, "OUTPUT0")[0]).toBe(1);
  });
});
