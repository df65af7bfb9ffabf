// A size that is only declared costs nothing: memory is taken as bytes arrive.

import { readFileSync } from "node:fs";

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { PredictUploadRequest } from "../../generated/predictd/v1/prediction.ts";
import { request } from "../support/clients.ts";
import { double } from "../support/models.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { raw } from "../support/wire-tensors.ts";

const MIB = 1024 * 1024;
const STREAMS = 200;
const MAX_GROWTH_MIB = 2048;

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ models: { "double.onnx": double() } });
});
afterAll(() => server?.stop());

/** Address space, touched or not, in MiB. */
function virtualMib(): number {
  return Number(/VmSize:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))?.[1]) / 1024;
}

const upload = () => {
  const input = raw("X", "FP32", [1, 64 * MIB], new Uint8Array(0));
  const header = { request: request("double", [input]), input: "X", totalBytes: 256n * BigInt(MIB) };
  return frame(PredictUploadRequest.encode({ part: { $case: "header", value: header } }).finish());
};

const onLinux = process.platform === "linux" ? test : test.skip;
onLinux.each([
  ["messages of 64 MiB", "Predict", () => frame(new Uint8Array(10), { length: 64 * MIB })],
  ["uploads of 256 MiB", "PredictUpload", upload],
])("200 %s that never come", async (_what, method, body) => {
  const before = virtualMib();
  const connection = connectRaw(server.address);
  const calls = Array.from({ length: STREAMS }, () =>
    connection.call(`/predictd.v1.PredictionService/${method}`, { headers: { "grpc-timeout": "1S" }, body: body(), end: false }),
  );
  const state = { answered: false, mostMib: before };
  const answers = Promise.all(calls.map(({ answer }) => answer)).finally(() => (state.answered = true));
  while (!state.answered) {
    expect(await server.check("")).toBe("SERVING");
    state.mostMib = Math.max(state.mostMib, virtualMib());
  }
  // Those within the budget wait for their bytes, the others are refused for want of room.
  const reasons = new Set((await answers).map(({ status }) => status.reason));
  expect([...reasons].filter((reason) => reason !== "DEADLINE_EXCEEDED" && reason !== "BYTES_EXHAUSTED")).toEqual([]);
  connection.close();

  expect(state.mostMib - before).toBeLessThan(MAX_GROWTH_MIB);
});
