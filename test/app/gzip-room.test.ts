// Room for compressed messages: as much as they may become, waited for no longer than for others, and in nobody's way.

import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";

import type { App } from "../../src/app.ts";
import { createModelFolder } from "../support/model-folder.ts";
import type { ModelFolder } from "../support/model-folder.ts";
import { double } from "../support/models.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import type { RawCall, RawConnection } from "../support/raw-h2.ts";
import { field, varint } from "../support/wire-fields.ts";
import { startApp } from "./start-app.ts";

const MIB = 1024 * 1024;
/** One message may take all the room there is. */
const BUDGET = 8 * MIB;
const INFER = "/inference.GRPCInferenceService/ModelInfer";
const GZIP = { "grpc-encoding": "gzip" };

let folder: ModelFolder;
let app: App;
let connection: RawConnection;
let stalled: RawCall;
beforeAll(async () => {
  folder = await createModelFolder({ "double.onnx": double() });
  app = await startApp({ modelDir: folder.path, maxBufferedBytes: BUDGET, maxMessageBytes: BUDGET, maxAdmitWaitMs: 200 });
  connection = connectRaw(app.grpcAddress);
});
afterAll(async () => {
  connection.close();
  await app.stop();
  await folder.remove();
});

/** A call that declares a message of 1 MiB and sends one byte of it. */
beforeEach(async () => {
  stalled = connection.call(INFER, { end: false });
  await new Promise((resolve) => stalled.stream.write(frame(Buffer.alloc(1), { length: MIB }), resolve));
  // The answer to a ping comes after what was sent before it has been read.
  await new Promise((resolve) => stalled.stream.session!.ping(resolve));
});
afterEach(() => stalled.stream.close());

function request(values: Uint8Array): Buffer {
  const shape = Buffer.concat([varint(1), varint(values.byteLength / 4)]);
  const input = Buffer.concat([field(1, "X"), field(2, "FP32"), field(3, shape)]);
  return Buffer.concat([field(1, "double"), field(5, input), field(7, values)]);
}

const compressed = (message: Buffer, headers = {}) =>
  connection.call(INFER, { headers: { ...GZIP, ...headers }, body: frame(gzipSync(message), { flag: 1 }) });

/** It may become more than the room that is left. */
const large = () => compressed(request(randomBytes(40_000)));

test("a small compressed message takes no more room than it may inflate to", async () => {
  expect((await compressed(request(Buffer.alloc(4000))).answer).status.code).toBe("OK");
});

test("a large one waits as long as others, and is refused like them", async () => {
  const { status, trailersOnly } = await large().answer;

  expect(status).toMatchObject({ code: "RESOURCE_EXHAUSTED", reason: "BYTES_EXHAUSTED", metadata: { stage: "admit" } });
  expect(status.retryDelayMs).toBeGreaterThan(0);
  expect(trailersOnly).toBe(true);
});

test("one that finds room while it waits is answered", async () => {
  const { answer } = large();
  await new Promise((resolve) => stalled.stream.session!.ping(resolve));
  stalled.stream.close();

  expect((await answer).status.code).toBe("OK");
});

test("those that are cancelled while they wait are in nobody's way", async () => {
  const calls = Array.from({ length: 10 }, large);
  await new Promise((resolve) => stalled.stream.session!.ping(resolve));
  for (const { stream } of calls) stream.close();
  await Promise.all(calls.map(({ answer }) => answer));

  // Neither in the way of those that are not compressed, nor of those that are.
  expect((await connection.call(INFER, { body: frame(request(Buffer.alloc(100_000))) }).answer).status.code).toBe("OK");
  expect((await compressed(request(Buffer.alloc(4000))).answer).status.code).toBe("OK");
});
