import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { constants } from "node:http2";
import type { App } from "../../src/app.ts";
import type { PredictdClient } from "../../src/client/client.ts";
import { createClient } from "../../src/client/client.ts";
import type { RawConnection } from "../support/raw-h2.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import { startApp } from "./start-app.ts";

let app: App;
let client: PredictdClient;
let raw: RawConnection;

beforeAll(async () => {
  app = await startApp();
  client = createClient(app.grpcAddress);
  raw = connectRaw(app.grpcAddress);
});

afterAll(async () => {
  client.close();
  raw.close();
  await app.stop();
});

const METHODS = ["Predict", "PredictStream", "PredictSession", "PredictUpload"];
const CODES = ["NGHTTP2_NO_ERROR", "NGHTTP2_CANCEL", "NGHTTP2_INTERNAL_ERROR"] as const;

test.each(METHODS.flatMap((method) => CODES.map((code) => [method, code] as const)))(
  "a reset in the middle of a message of %s (%s) ends that call and nothing else",
  async (method, code) => {
    const call = raw.call(`/predictd.v1.PredictionService/${method}`, { end: false });
    await new Promise((resolve) => call.stream.write(frame(Buffer.alloc(10), { length: 1000 }), resolve));
    call.stream.close(constants[code]);
    await call.answer;
    await expect(client.health()).resolves.toBe("SERVING");
  },
);
