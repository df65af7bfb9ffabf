import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { App } from "../../src/app.ts";
import type { PredictdClient } from "../../src/client/client.ts";
import { createClient } from "../../src/client/client.ts";
import { tensor } from "../../src/client/tensors.ts";
import type { RawCall, RawConnection } from "../support/raw-h2.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import { startApp } from "./start-app.ts";

const BUDGET = 65_536;
const PREDICT = "/predictd.v1.PredictionService/Predict";

let app: App;
let client: PredictdClient;
let raw: RawConnection;

beforeAll(async () => {
  app = await startApp({ maxBufferedBytes: BUDGET, maxAdmitWaitMs: 200 });
  client = createClient(app.grpcAddress);
  raw = connectRaw(app.grpcAddress);
});

afterAll(async () => {
  client.close();
  raw.close();
  await app.stop();
});

/** A call that declares a message, sends one byte of it and stalls. */
async function stall(bytes: number): Promise<RawCall> {
  const call = raw.call(PREDICT, { end: false });
  const sent = new Promise((resolve) => call.stream.write(frame(Buffer.alloc(1), { length: bytes }), resolve));
  await sent;
  // The answer to a ping comes after what was sent before it has been read.
  await new Promise((resolve) => call.stream.session!.ping(resolve));
  return call;
}

const image = (rows: number) => ({ model: "digits", inputs: [tensor("image", new Float32Array(rows * 64), [rows, 1, 8, 8])] });

describe("when the process holds as many message bytes as it may", () => {
  test("a call waits, then is refused with the time after which to try again; small messages that fit go on", async () => {
    const stalled = await stall(BUDGET - 2000);
    await expect(client.predict(image(100))).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      reason: "BYTES_EXHAUSTED",
      retryable: true,
      stage: "admit",
    });
    await expect(client.predict(image(1))).resolves.toMatchObject({ model: "digits" });
    stalled.stream.close();
  });

  test("a call that waits goes on as soon as there is room", async () => {
    const stalled = await stall(BUDGET - 2000);
    const waiting = client.predict(image(100));
    stalled.stream.close();
    await expect(waiting).resolves.toMatchObject({ batchRows: 100 });
  });

  test("uploads take room for all their bytes at once and never wait for each other", async () => {
    const rows = Math.floor(BUDGET / 256) - 8;
    const uploads = await Promise.allSettled([1, 2].map(() => client.upload(image(rows), { chunkBytes: 4096 })));
    const failures = uploads.filter((result) => result.status === "rejected").map(({ reason }) => (reason as { reason: string }).reason);
    expect(failures.every((reason) => reason === "BYTES_EXHAUSTED")).toBe(true);
    expect(failures.length).toBeLessThan(2);
  });

  test("everything is given back", async () => {
    await expect(client.predict(image(240))).resolves.toMatchObject({ model: "digits" });
  });
});
