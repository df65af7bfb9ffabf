// What a server sees all at once that was busy for a while: calls, their cancels and the next calls, more than may be open at a time.

import { once } from "node:events";
import { constants } from "node:http2";

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { double } from "../support/models.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import type { RawCall } from "../support/raw-h2.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";

/** Fewer than may be open at once, as the client believes. */
const CALLS = 200;

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ models: { "double.onnx": double() } });
});
afterAll(() => server?.stop());

async function sent(calls: readonly RawCall[]): Promise<readonly RawCall[]> {
  await Promise.all(calls.map(({ stream }) => once(stream, "finish")));
  return calls;
}

test("a burst of cancels and new calls does not cost the connection", async () => {
  const connection = connectRaw(server.address);
  const live = () => connection.call("/inference.GRPCInferenceService/ServerLive", { body: frame(Buffer.alloc(0)) });
  expect((await live().answer).status.code).toBe("OK");

  server.kill("SIGSTOP");
  const cancelled = await sent(Array.from({ length: CALLS }, live));
  for (const { stream } of cancelled) stream.close(constants.NGHTTP2_CANCEL);
  const fresh = await sent(Array.from({ length: CALLS }, live));
  server.kill("SIGCONT");
  const answers = await Promise.all(fresh.map(({ answer }) => answer));

  // The server still has the cancelled ones in its books and asks for calm where there are too many.
  const resets = new Set(answers.filter(({ status }) => status.code !== "OK").map(({ resetCode }) => resetCode));
  expect([...resets].filter((code) => code !== constants.NGHTTP2_ENHANCE_YOUR_CALM)).toEqual([]);
  expect((await live().answer).status.code).toBe("OK");
  connection.close();
});
