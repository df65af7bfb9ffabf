// The grpc-timeout header: a value the protocol allows is obeyed or shortened, anything else refused; never a random deadline.

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { PredictRequest } from "../../generated/predictd/v1/prediction.ts";
import { request } from "../support/clients.ts";
import { identity } from "../support/models.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import type { RawConnection } from "../support/raw-h2.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { fp32 } from "../support/wire-tensors.ts";

const BODY = frame(PredictRequest.encode(request("floats", [fp32("X", [1, 4], [1, 2, 3, 4])])).finish());

let server: TestServer;
let connection: RawConnection;
beforeAll(async () => {
  server = await startServer({ models: { "floats.onnx": identity("float") } });
  connection = connectRaw(server.address);
});
afterAll(async () => {
  connection?.close();
  await server?.stop();
});

const answerTo = (timeout: string) =>
  connection.call("/predictd.v1.PredictionService/Predict", { headers: { "grpc-timeout": timeout }, body: BODY }).answer;

// 597H and 2147484S are the first values above 2^31 ms.
test.each(["1H", "90M", "99999999m", "99999999u", "99999999n", "597H", "2147484S", "99999999S", "99999999H"])(
  "%s is long enough for a prediction",
  async (timeout) => {
    expect((await answerTo(timeout)).status.code).toBe("OK");
  },
);

test.each(["0n", "0m", "0H", "1n"])("%s has passed already", async (timeout) => {
  const { status, trailersOnly } = await answerTo(timeout);

  expect(status).toMatchObject({ code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED" });
  expect(status.metadata["stage"]).toMatch(/^[a-z]+$/);
  expect(trailersOnly).toBe(true);
});

test.each(["-1S", "123456789S", "999999999999999999H", "1", "S", "1s", "1.5S", "+1S", "1e3S", "0x10S", "S1", "1SS", "1 S", "NaNS", "soon"])(
  "%s is refused",
  async (timeout) => {
    const { status, trailersOnly } = await answerTo(timeout);

    expect(status).toMatchObject({ code: "INVALID_ARGUMENT", reason: "DEADLINE_INVALID" });
    expect(trailersOnly).toBe(true);
  },
);
