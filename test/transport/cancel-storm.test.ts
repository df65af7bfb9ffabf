// Five hundred honest cancels a second on one connection cost no good call on it, and leave nothing behind.

import { constants } from "node:http2";

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { PredictRequest } from "../../generated/predictd/v1/prediction.ts";
import { request } from "../support/clients.ts";
import { identity } from "../support/models.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { fp32 } from "../support/wire-tensors.ts";

const PREDICT = "/predictd.v1.PredictionService/Predict";
const BODY = frame(PredictRequest.encode(request("floats", [fp32("X", [1, 4], [1, 2, 3, 4])])).finish());
const SECONDS = 4;
const CANCELS_PER_TICK = 10;
const TICK_MS = 20;

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ models: { "floats.onnx": identity("float") } });
});
afterAll(() => server?.stop());

test("a cancel storm beside good traffic", async () => {
  const connection = connectRaw(server.address);
  let cancelled = 0;
  const storm = setInterval(() => {
    for (let i = 0; i < CANCELS_PER_TICK; i++) {
      // Every other call is complete when it is cancelled, so the server may be at work on it.
      const { stream, answer } = connection.call(PREDICT, { body: i % 2 ? BODY : BODY.subarray(0, 9), end: i % 2 === 1 });
      setImmediate(() => stream.close(constants.NGHTTP2_CANCEL));
      void answer.then(() => cancelled++);
    }
  }, TICK_MS);
  const statuses: string[] = [];
  const until = performance.now() + SECONDS * 1000;
  while (performance.now() < until) {
    const answers = Array.from({ length: 5 }, () => connection.call(PREDICT, { body: BODY }).answer);
    statuses.push(...(await Promise.all(answers)).map(({ status }) => status.code));
  }
  clearInterval(storm);

  expect(cancelled).toBeGreaterThan((SECONDS * 1000 * CANCELS_PER_TICK) / TICK_MS / 2);
  expect(statuses.length).toBeGreaterThan(100);
  expect(statuses.filter((code) => code !== "OK")).toEqual([]);
  // The last cancels may still be on their way.
  const queuedRows = async () => (await server.listModels())[0]?.versions[0]?.statistics?.queuedRows;
  for (let tries = 0; tries < 200 && (await queuedRows()) !== 0n; tries++);
  expect(await queuedRows()).toBe(0n);
  connection.close();
});

test("an endless attack is cut off: the connection closes, the server lives", async () => {
  const attack = connectRaw(server.address);
  const state = { closed: false };
  void attack.closed.then(() => (state.closed = true));
  for (let sent = 0; sent < 60_000 && !state.closed; sent++) {
    try {
      const { stream } = attack.call(PREDICT, { body: BODY.subarray(0, 9), end: false });
      stream.close(constants.NGHTTP2_CANCEL);
    } catch (error) {
      // The connection is gone already and has not said so yet.
      expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_HTTP2_(?:INVALID_SESSION|GOAWAY_SESSION)$/) });
      break;
    }
    if (sent % 100 === 99) await new Promise(setImmediate);
  }
  await attack.closed;

  expect(await server.check("")).toBe("SERVING");
});
