// A caller that never finishes its request, and enforces no deadline itself, is answered by the server's clock.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { identity } from "../support/models.ts";
import { connectRaw } from "../support/raw-h2.ts";
import type { RawConnection } from "../support/raw-h2.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";

const METHODS = [
  "PredictionService/Predict",
  "PredictionService/PredictStream",
  "PredictionService/PredictUpload",
  "ModelService/GetModel",
];
const HALF_A_MESSAGE = Uint8Array.from([0, 0, 0, 0, 100, 10, 3]);

let server: TestServer;
let connection: RawConnection;
beforeAll(async () => {
  server = await startServer({ models: { "floats.onnx": identity("float") }, flags: ["--default-deadline-ms", "400"] });
  connection = connectRaw(server.address);
});
afterAll(async () => {
  connection?.close();
  await server?.stop();
});

describe.each(METHODS)("%s", (method) => {
  test.each([
    ["its own deadline", { "grpc-timeout": "150m" }, 150],
    ["the default deadline", {}, 400],
  ])("ends at %s", async (_which, headers, expectedMs) => {
    const startedAt = performance.now();
    const { status } = await connection.call(`/predictd.v1.${method}`, { headers, body: HALF_A_MESSAGE, end: false }).answer;
    const tookMs = performance.now() - startedAt;

    expect(status).toMatchObject({ code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED", metadata: { stage: "receive" } });
    expect(tookMs).toBeGreaterThan(expectedMs - 20);
    expect(tookMs).toBeLessThan(expectedMs + 1000);
  });
});

test("a session ends at its own deadline", async () => {
  const path = "/predictd.v1.PredictionService/PredictSession";
  const { status } = await connection.call(path, { headers: { "grpc-timeout": "150m" }, body: HALF_A_MESSAGE, end: false }).answer;

  expect(status).toMatchObject({ code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED", metadata: { stage: "receive" } });
});

test("200 of them at once all end, and a good call passes between them", async () => {
  const headers = { "grpc-timeout": "300m" };
  const calls = Array.from({ length: 200 }, () =>
    connection.call("/predictd.v1.PredictionService/Predict", { headers, body: HALF_A_MESSAGE, end: false }),
  );
  expect(await server.check("")).toBe("SERVING");

  for (const { status } of await Promise.all(calls.map((call) => call.answer))) expect(status.code).toBe("DEADLINE_EXCEEDED");
});
