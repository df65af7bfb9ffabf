// Deadlines reach the queue and the run: who cannot wait is answered on time, told where, and costs the others nothing.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { PredictRequest } from "../../generated/predictd/v1/prediction.ts";
import { request } from "../support/clients.ts";
import { slow } from "../support/models.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import type { RawConnection } from "../support/raw-h2.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { openSession } from "../support/session.ts";
import { fp32 } from "../support/wire-tensors.ts";

const LONG = 3000;
const LATE_MS = 150;

let server: TestServer;
let connection: RawConnection;
beforeAll(async () => {
  server = await startServer({ models: { "slow/model.onnx": slow(), "slow/model.yaml": "instances: 1\n" }, flags: ["--max-workers", "1"] });
  connection = connectRaw(server.address);
});
afterAll(async () => {
  connection?.close();
  await server?.stop();
});

const steps = (count: number) => request("slow", [fp32("X", [1, 2], [count, 7])]);

/** A call whose client enforces nothing, so that the answer is the server's. */
async function timed(message: PredictRequest, timeoutMs: number) {
  const startedAt = performance.now();
  const body = frame(PredictRequest.encode(message).finish());
  const { answer } = connection.call("/predictd.v1.PredictionService/Predict", { headers: { "grpc-timeout": `${timeoutMs}m` }, body });
  const { status } = await answer;
  return { status, tookMs: performance.now() - startedAt };
}

describe("answered by the server's own clock", () => {
  test("while the model runs", async () => {
    const { status, tookMs } = await timed(steps(LONG), 60);

    expect(status).toMatchObject({ code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED", metadata: { stage: "run" } });
    expect(status.message).toContain("run");
    expect(tookMs).toBeGreaterThan(55);
    expect(tookMs).toBeLessThan(60 + LATE_MS);
  });

  test("while it waits, at the moment it expires and not when the worker gets free", async () => {
    const running = server.predict(steps(LONG));
    const { status, tookMs } = await timed(steps(1), 60);

    expect(status).toMatchObject({ code: "DEADLINE_EXCEEDED", metadata: { stage: "queue" } });
    expect(tookMs).toBeLessThan(60 + LATE_MS);
    expect((await running).failure).toBeUndefined();
  });
});

test("fifty that expire in the queue leave it, and those behind them are answered", async () => {
  const running = server.predict(steps(LONG));
  const hurried = Array.from({ length: 50 }, (_, i) => timed(steps(1), 20 + i));
  const patient = Array.from({ length: 10 }, () => server.predict(steps(1)));

  // One that comes when the run is known to be late is refused at once.
  for (const { status } of await Promise.all(hurried)) expect(["DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"]).toContain(status.code);
  const [model] = await server.listModels();
  expect(model?.versions[0]?.statistics?.queuedRows).toBeLessThanOrEqual(11n);
  expect((await running).failure).toBeUndefined();
  for (const { failure } of await Promise.all(patient)) expect(failure).toBeUndefined();
});

test("the most urgent goes first", async () => {
  const running = server.predict(steps(LONG));
  const session = openSession(server.prediction);
  const ids = ["slack", "urgent", "middle"];
  const timeouts = [50_000, 20_000, 30_000];
  // Widely different step counts would share a batch, so each is too many rows to fit with another.
  const answers = ids.map((id, i) => session.predict(id, request("slow", [fp32("X", [20, 2], Array<number>(40).fill(1))]), timeouts[i]));
  await Promise.all([running, ...answers]);
  await session.end();

  expect(session.order).toEqual(["urgent", "middle", "slack"]);
});

test("an item's own timeout ends that item only", async () => {
  const session = openSession(server.prediction);
  const [hurried, patient] = await Promise.all([session.predict("hurried", steps(LONG), 50), session.predict("patient", steps(2))]);

  expect(hurried.failure).toMatchObject({ code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED" });
  expect(patient.failure).toBeUndefined();
  expect(await session.end()).toBeUndefined();
});

test("a stream's own deadline holds for its items as well", async () => {
  const session = openSession(server.prediction, { timeoutMs: 120 });
  session.send("late", steps(LONG));

  expect(await session.ended).toMatchObject({ code: "DEADLINE_EXCEEDED" });
});

test("a cancelled call leaves the queue", async () => {
  expect((await server.predict(steps(1))).failure).toBeUndefined();
  const running = server.predict(steps(2 * LONG));
  const controller = new AbortController();
  const cancelled = Array.from({ length: 20 }, () => server.predict(steps(1), { signal: controller.signal }));
  const queued = async () => Number((await server.listModels())[0]?.versions[0]?.statistics?.queuedRows);
  expect(await queued()).toBe(20);
  controller.abort();
  for (const { failure } of await Promise.all(cancelled)) expect(failure?.code).toBe("CANCELLED");

  const state = { ran: false };
  void running.then(() => (state.ran = true));
  while ((await queued()) > 0) expect(state.ran).toBe(false);
  expect((await running).failure).toBeUndefined();
});
