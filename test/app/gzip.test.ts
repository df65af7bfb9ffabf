import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { gzipSync } from "node:zlib";
import { PredictSessionRequest, PredictSessionResponse } from "../../generated/predictd/v1/prediction.ts";
import type { App } from "../../src/app.ts";
import type { RawConnection } from "../support/raw-h2.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import { raw } from "../support/wire-tensors.ts";
import { startApp } from "./start-app.ts";

const MIB = 1024 * 1024;
const GZIP = { "grpc-encoding": "gzip" };

let app: App;
let connection: RawConnection;
beforeAll(async () => {
  app = await startApp({ maxMessageBytes: 8 * MIB, maxBufferedBytes: 32 * MIB, maxAdmitWaitMs: 20_000, maxQueueRows: 200_000 });
  connection = connectRaw(app.grpcAddress);
});
afterAll(async () => {
  connection.close();
  await app.stop();
});

/** A compressed message of a session. */
function item(id: string, rows: number): Buffer {
  const image = raw("image", "FP32", [rows, 1, 8, 8], new Uint8Array(rows * 256));
  const request = { model: "digits", version: "", requestId: "", inputs: [image], outputs: [] };
  return frame(gzipSync(PredictSessionRequest.encode({ message: { $case: "predict", value: { id, request, timeoutMs: 0 } } }).finish()), {
    flag: 1,
  });
}

test("compressed messages of a session are all answered, also when answers are large enough to slow the reading", async () => {
  // Answers of 20,000 rows have about 1 MB.
  const ids = ["a", "b", "c", "d", "e"];
  const body = Buffer.concat(ids.map((id) => item(id, 20_000)));
  const { messages, status } = await connection.call("/predictd.v1.PredictionService/PredictSession", { headers: GZIP, body }).answer;
  expect(status.code).toBe("OK");
  const answered = messages.map(
    (bytes) => PredictSessionResponse.decode(bytes).message?.value as { id: string; outcome: { $case: string } },
  );
  const outcomes = Object.fromEntries(answered.map(({ id, outcome }) => [id, outcome.$case]));
  expect(outcomes).toEqual(Object.fromEntries(ids.map((id) => [id, "response"])));
});

test("bombs are inflated a few at a time and within the byte budget", async () => {
  const bomb = frame(gzipSync(Buffer.alloc(8 * MIB)), { flag: 1 });
  const before = process.memoryUsage().rss;
  let peak = before;
  const calls = Array.from(
    { length: 60 },
    () => connection.call("/predictd.v1.PredictionService/Predict", { headers: GZIP, body: bomb }).answer,
  );
  for (const call of calls) {
    const { status } = await call;
    expect(status.reason).toBe("MESSAGE_MALFORMED");
    peak = Math.max(peak, process.memoryUsage().rss);
  }
  // All at once they are 480 MiB.
  expect(peak - before).toBeLessThan(200 * MIB);
});
