// Sessions: many predictions on one stream, each with an outcome of its own.

import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { PredictdClient, PredictdError } from "../../src/client/client.ts";
import { createClient, tensor, values } from "../../src/client/client.ts";
import type { FakeServer } from "./support/fake-server.ts";
import { startFakeServer } from "./support/fake-server.ts";

let server: FakeServer;
let client: PredictdClient;

beforeEach(async () => {
  server = await startFakeServer();
  client = createClient(server.address);
});

afterEach(() => {
  client.close();
  server.close();
});

const echo = (value: number) => ({ model: "echo", inputs: [tensor("x", [value])] });
const hang = { model: "hang", inputs: [] };
const caught = (promise: Promise<unknown>): Promise<PredictdError> =>
  promise.then(
    () => Promise.reject(new Error("It should have failed.")),
    (error: PredictdError) => error,
  );

test("results reach their own callers although they come out of order, and close waits for all", async () => {
  const session = client.session({ maxInFlight: 7 });
  const results = Array.from({ length: 101 }, (_, i) => session.predict(echo(i)));
  await session.close();
  const read = (await Promise.all(results)).map(({ outputs }) => values(outputs[0]!, "FP32")[0]);
  expect(read).toEqual(Array.from({ length: 101 }, (_, i) => i));
});

test("a failing prediction fails alone", async () => {
  const session = client.session();
  const bad = caught(session.predict({ model: "bad", inputs: [] }));
  const good = session.predict(echo(5));
  expect((await bad).reason).toBe("INPUT_SHAPE_MISMATCH");
  await session.close();
  expect((await good).model).toBe("echo");
});

test("the timeout travels with each prediction", async () => {
  const session = client.session();
  const results = [session.predict(echo(1), { timeoutMs: 250 }), session.predict(echo(2))];
  await session.close();
  await Promise.all(results);
  const [own, fallback] = server.sessionTimeoutsMs;
  expect(own).toBeLessThanOrEqual(250);
  expect(own).toBeGreaterThan(0);
  expect(fallback).toBeGreaterThan(250);
  expect(fallback).toBeLessThanOrEqual(10_000);
});

test("a server that never answers does not hold a prediction beyond its time", async () => {
  const session = client.session();
  const error = await caught(session.predict(hang, { timeoutMs: 1 }));
  expect(error.code).toBe("DEADLINE_EXCEEDED");
  await server.cancelled;
  await session.close();
});

test("a signal cancels one prediction, and the others go on", async () => {
  const session = client.session();
  const abort = new AbortController();
  const error = caught(session.predict(hang, { signal: abort.signal }));
  await server.hanging;
  abort.abort();
  expect((await error).code).toBe("CANCELLED");
  await server.cancelled;
  const one = session.predict(echo(1));
  await session.close();
  expect((await one).model).toBe("echo");
});

test("after a drain message nothing new is sent, what is in flight is answered and the session ends", async () => {
  const told = Promise.withResolvers<number>();
  const session = client.session({ onDrain: told.resolve });
  await session.predict(echo(1));
  const inFlight = session.predict(echo(2));
  server.drain();
  expect(await told.promise).toBe(1000);
  expect(session.draining).toBe(true);
  expect(await caught(session.predict(echo(3)))).toMatchObject({ code: "UNAVAILABLE", reason: "SERVER_DRAINING", retryable: true });
  expect((await inFlight).model).toBe("echo");
  await session.close();
});

test("a stream that is lost fails everything on it", async () => {
  const session = client.session();
  const errors = [caught(session.predict(hang)), caught(session.predict({ model: "crash", inputs: [] }))];
  for (const error of await Promise.all(errors)) expect(error).toMatchObject({ code: "UNAVAILABLE", retryable: true });
  expect(session.draining).toBe(true);
  expect(await caught(session.close())).toMatchObject({ code: "UNAVAILABLE" });
});

test("a closed session takes nothing", async () => {
  const session = client.session();
  await session.close();
  expect(await caught(session.predict(echo(1)))).toMatchObject({ code: "FAILED_PRECONDITION" });
});
