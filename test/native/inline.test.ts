// Models on the main thread: the same answers, only for short runs, and only on the CPU.

import { ModelState } from "../../generated/predictd/v1/model.ts";
import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { request } from "../support/clients.ts";
import { gather, identity, matmul } from "../support/models.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { WAYS } from "../support/ways.ts";
import { floatsOf, fp32, int64 } from "../support/wire-tensors.ts";

const INLINE = "execution: inline\n";

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    models: {
      "floats/model.onnx": identity("float"),
      "floats/model.yaml": `${INLINE}instances: 4\n`,
      "rows/model.onnx": gather(),
      "rows/model.yaml": INLINE,
      "heavy/model.onnx": matmul(6000),
      "heavy/model.yaml": `${INLINE}maxBatchSize: 1\n`,
      "device/model.onnx": identity("float"),
      "device/model.yaml": `${INLINE}executionProviders: [webgpu, cpu]\n`,
      "no-cpu/model.onnx": identity("float"),
      "no-cpu/model.yaml": `${INLINE}executionProviders: [webgpu]\n`,
    },
  });
});
afterAll(() => server?.stop());

async function versionOf(name: string) {
  return (await server.listModels()).find((model) => model.name === name)?.versions[0];
}

test("every method answers, from one session with one thread", async () => {
  for (const send of Object.values(WAYS)) {
    const { response, failure } = await send(server, request("floats", [fp32("X", [2, 4], [1, 2, 3, 4, 5, 6, 7, 8])]));
    expect(failure).toBeUndefined();
    expect(floatsOf(response?.outputs[0])).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  }
  expect(await versionOf("floats")).toMatchObject({ execution: { kind: "inline", instances: 1, intraOpThreads: 1, provider: "cpu" } });
});

test("concurrent callers each get their own rows, and a failed run blames the guilty one", async () => {
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, (_, i) => server.predict(request("rows", [int64("INDEX", [1], [i % 11])]))),
  );

  for (const [i, { response, failure }] of outcomes.entries()) {
    const index = i % 11;
    if (index === 10) expect(failure).toMatchObject({ code: "INVALID_ARGUMENT", reason: "MODEL_REJECTED_INPUT" });
    else expect(floatsOf(response?.outputs[0])).toEqual([index, index + 0.25, index + 0.5]);
  }
});

test("a model whose runs would hold everybody up is refused, with its time and the bound", async () => {
  const version = await versionOf("heavy");

  expect(version?.reason).toMatch(/^A run of one row takes [\d.]+ ms; execution: inline is for 1 ms at most\./);
  expect((await server.predict(request("heavy", [fp32("X", [1, 6000], new Float32Array(6000))]))).failure?.reason).toBe("MODEL_NOT_READY");
});

test("a device is passed over, and nothing but a device is a reason to fail", async () => {
  expect(await versionOf("device")).toMatchObject({
    // On a loaded machine its runs take long enough to be advised against.
    state: ModelState.MODEL_STATE_READY,
    execution: { provider: "cpu", providerNotes: ["webgpu: runs on the main thread use the CPU only"] },
  });
  expect((await versionOf("no-cpu"))?.reason).toContain("webgpu: runs on the main thread use the CPU only");
});
