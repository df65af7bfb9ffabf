// Refusals leave as one HEADERS frame that ends the stream, so that proxies can act on the status; their trailers stay small.

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { PredictRequest } from "../../generated/predictd/v1/prediction.ts";
import { request } from "../support/clients.ts";
import { gather, identity, slow } from "../support/models.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import type { RawConnection } from "../support/raw-h2.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { fp32, int64 } from "../support/wire-tensors.ts";

const MAX_TRAILER_BYTES = 8 * 1024;

let server: TestServer;
let connection: RawConnection;
beforeAll(async () => {
  server = await startServer({
    models: {
      "floats.onnx": identity("float"),
      "gather.onnx": gather(),
      "slow/model.onnx": slow(),
      "slow/model.yaml": "maxQueueRows: 1\nmaxBatchSize: 1\ninstances: 1\n",
    },
  });
  connection = connectRaw(server.address);
});
afterAll(async () => {
  connection?.close();
  await server?.stop();
});

const predict = (message: PredictRequest, headers = {}) =>
  connection.call("/predictd.v1.PredictionService/Predict", { headers, body: frame(PredictRequest.encode(message).finish()) }).answer;
const x = fp32("X", [1, 4], [1, 2, 3, 4]);
const long = "n".repeat(60_000);
const busy = (steps: number) => request("slow", [fp32("X", [1, 2], [steps, 0])]);

test.each([
  ["an unknown model", request("nobody", [x]), "MODEL_NOT_FOUND"],
  ["a model's name of 60,000 letters", request(long, [x]), "MODEL_NOT_FOUND"],
  ["a version of 60,000 letters", request("floats", [x], { version: long }), "VERSION_NOT_FOUND"],
  ["a model's name of line breaks and non-Latin letters", request("é\r\n日本\u0000", [x]), "MODEL_NOT_FOUND"],
  ["a wrong shape", request("floats", [fp32("X", [1, 3], [1, 2, 3])]), "INPUT_SHAPE_MISMATCH"],
  [
    "1,000 unknown inputs",
    request("floats", [x, ...Array.from({ length: 1000 }, (_, i) => ({ ...x, name: `input${i}` }))]),
    "INPUT_UNKNOWN",
  ],
  ["an output's name of 60,000 letters", request("floats", [x], { outputs: [long] }), "OUTPUT_UNKNOWN"],
  ["a shape of 60 dimensions", request("floats", [fp32("X", Array<number>(60).fill(1), [1])]), "INPUT_SHAPE_MISMATCH"],
  ["a model that fails on the values", request("gather", [int64("INDEX", [1], [99])]), "MODEL_REJECTED_INPUT"],
])("%s", async (_what, message, reason) => {
  const { status, trailersOnly, trailers, httpStatus } = await predict(message);

  expect(httpStatus).toBe(200);
  expect(status.reason).toBe(reason);
  expect(trailersOnly).toBe(true);
  const bytes = Object.entries(trailers).reduce((sum, [name, value]) => sum + name.length + String(value).length, 0);
  expect(bytes).toBeLessThan(MAX_TRAILER_BYTES);
});

test("a full queue refuses at once, says when to come back, and the request under way is answered", async () => {
  const running = predict(busy(2000));
  const more = await Promise.all(Array.from({ length: 8 }, () => predict(busy(1))));
  const refused = more.filter(({ status }) => status.code !== "OK");

  expect(refused.length).toBeGreaterThanOrEqual(6);
  for (const { status, trailersOnly } of refused) {
    expect(status).toMatchObject({ code: "RESOURCE_EXHAUSTED", reason: "QUEUE_FULL" });
    expect(status.retryDelayMs).toBeGreaterThan(0);
    expect(trailersOnly).toBe(true);
  }
  expect((await running).status.code).toBe("OK");
});

test("a deadline that passes while the model runs", async () => {
  const { status, trailersOnly } = await predict(busy(1500), { "grpc-timeout": "30m" });

  expect(status).toMatchObject({ code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED", metadata: { stage: "run" } });
  expect(trailersOnly).toBe(true);
});
