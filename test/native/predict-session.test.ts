// PredictSession: many predictions on one stream, answered once each, as they finish or in order; errors stay in band.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { request } from "../support/clients.ts";
import { double, slow } from "../support/models.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { openSession } from "../support/session.ts";
import { floatsOf, fp32 } from "../support/wire-tensors.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    models: { "double.onnx": double(), "slow/model.onnx": slow(), "slow/model.yaml": "instances: 1\nmaxBatchSize: 1\n" },
    flags: ["--max-in-flight-per-stream", "32", "--max-workers", "1"],
  });
});
afterAll(() => server?.stop());

const number = (value: number) => request("double", [fp32("X", [1, 1], [value])]);
const steps = (count: number) => request("slow", [fp32("X", [1, 2], [count, 0])]);
const ids = (count: number) => [...Array(count).keys()].map(String);

test("ten thousand predictions, far more than may be in flight, each answered once with its own result", async () => {
  const session = openSession(server.prediction);
  const answers = await Promise.all(ids(10_000).map((id) => session.predict(id, number(Number(id)))));

  answers.forEach(({ response }, i) => expect(floatsOf(response?.outputs[0])).toEqual([2 * i]));
  expect(await session.end()).toBeUndefined();
  expect(session.answers).toHaveLength(10_000);
});

test("answers come as they finish", async () => {
  const session = openSession(server.prediction);
  const late = session.predict("late", steps(800), 50_000);
  const urgent = session.predict("urgent", steps(1), 10_000);
  const middle = session.predict("middle", steps(1), 20_000);
  await Promise.all([late, urgent, middle]);
  const failing = session.predict("failing", request("nobody", []));
  const slower = session.predict("slower", steps(200));
  await Promise.all([failing, slower]);

  expect(session.order.indexOf("urgent")).toBeLessThan(session.order.indexOf("middle"));
  expect(session.order.slice(3)).toEqual(["failing", "slower"]);
  expect(await session.end()).toBeUndefined();
});

test("or in order, when asked for", async () => {
  const session = openSession(server.prediction);
  session.options(true);
  const all = [session.predict("a", steps(300)), session.predict("b", request("nobody", [])), session.predict("c", number(1))];
  await Promise.all(all);

  expect(session.order).toEqual(["a", "b", "c"]);
  expect((await all[1])?.failure?.reason).toBe("MODEL_NOT_FOUND");
  expect(await session.end()).toBeUndefined();
});

test("closing the sending side drains what is in flight, then ends with OK", async () => {
  const session = openSession(server.prediction);
  for (const id of ids(20)) session.send(id, steps(20));

  expect(await session.end()).toBeUndefined();
  expect([...session.order].toSorted()).toEqual(ids(20).toSorted());
  for (const { failure } of session.answers) expect(failure).toBeUndefined();
});

test("a reader that stops, stops the server too; when it goes on nothing is missing", async () => {
  const count = 2000;
  const width = 1000;
  const session = openSession(server.prediction);
  session.call.pause();
  await okCount();
  const row = new Float32Array(width);
  for (let i = 0; i < count; i++) session.send(String(i), request("double", [fp32("X", [1, width], row.fill(i))]));
  // 8 MB of answers, of which windows and buffers take a part.
  const other = server.connect();
  for (let i = 0; i < 200; i++) expect((await other.predict(number(1))).failure).toBeUndefined();
  expect(await okCount()).toBeLessThan(count);

  session.call.resume();
  expect(await session.end()).toBeUndefined();
  expect(session.answers.map(({ id, response }) => floatsOf(response?.outputs[0])[0] === 2 * Number(id))).toEqual(Array(count).fill(true));
});

async function okCount(): Promise<number> {
  const before = counted;
  const model = (await server.listModels()).find(({ name }) => name === "double");
  counted = Number(model?.versions[0]?.statistics?.okCount);
  return counted - before;
}
let counted = 0;

describe("cancel", () => {
  test("of one that waits", async () => {
    const session = openSession(server.prediction);
    const running = session.predict("running", steps(1000));
    const cancelled = session.predict("cancelled", steps(1));
    const other = session.predict("other", steps(1));
    session.cancel("cancelled");

    expect((await cancelled).failure).toMatchObject({ code: "CANCELLED", reason: "CANCELLED" });
    expect(session.order).toEqual(["cancelled"]);
    expect((await running).failure).toBeUndefined();
    expect((await other).failure).toBeUndefined();
    expect(await session.end()).toBeUndefined();
  });

  test("of one that runs", async () => {
    const session = openSession(server.prediction);
    const running = session.predict("running", steps(1000));
    session.cancel("running");

    expect((await running).failure?.code).toBe("CANCELLED");
    expect(await session.end()).toBeUndefined();
    expect(session.answers).toHaveLength(1);
  });

  test("of an id that is not in flight is ignored", async () => {
    const session = openSession(server.prediction);
    session.cancel("never seen");
    await session.predict("1", number(1));
    session.cancel("1");

    expect(await session.end()).toBeUndefined();
    expect(session.order).toEqual(["1"]);
  });
});

describe("ids", () => {
  test("one that is in flight already is refused, and the first one is answered", async () => {
    const session = openSession(server.prediction);
    session.send("twice", steps(300));
    session.send("twice", number(1));
    expect(await session.end()).toBeUndefined();

    expect(session.order).toEqual(["twice", "twice"]);
    expect(session.answers[0]?.failure).toMatchObject({
      code: "INVALID_ARGUMENT",
      reason: "FIELD_INVALID",
      violations: [{ field: "predict.id" }],
    });
    expect(session.answers[1]?.failure).toBeUndefined();
  });

  test("one that was answered may come again", async () => {
    const session = openSession(server.prediction);
    for (let i = 0; i < 3; i++) expect(floatsOf((await session.predict("again", number(i))).response?.outputs[0])).toEqual([2 * i]);
    expect(await session.end()).toBeUndefined();
  });

  test.each([
    ["empty", ""],
    ["of 129 bytes", "i".repeat(129)],
  ])("one that is %s is refused in band", async (_what, id) => {
    const session = openSession(server.prediction);
    session.send(id, number(1));
    expect((await session.predict("i".repeat(128), number(1))).failure).toBeUndefined();

    expect(session.answers[0]?.id).toBe(id);
    expect(session.answers[0]?.failure).toMatchObject({
      code: "INVALID_ARGUMENT",
      reason: "FIELD_INVALID",
      violations: [{ field: "predict.id" }],
    });
    expect(await session.end()).toBeUndefined();
  });
});

test("a prediction without a request is refused in band", async () => {
  const session = openSession(server.prediction);

  expect((await session.predict("1", undefined)).failure?.code).toMatch(/INVALID_ARGUMENT|NOT_FOUND/);
  expect((await session.predict("2", number(1))).failure).toBeUndefined();
  expect(await session.end()).toBeUndefined();
});

test.each([
  ["options after a prediction", { message: { $case: "options", value: { ordered: true } } }, "MESSAGE_UNEXPECTED"],
  ["a message about nothing", { message: undefined }, "MESSAGE_MALFORMED"],
] as const)("%s: the stream ends", async (_what, message, reason) => {
  const session = openSession(server.prediction);
  await session.predict("1", number(1));
  session.call.write(message);

  expect(await session.ended).toMatchObject({ code: "INVALID_ARGUMENT", reason });
});

test("a caller that goes away takes its predictions with it", async () => {
  const session = openSession(server.prediction);
  for (const id of ids(30)) session.send(id, steps(500));
  await server.predict(number(1));
  session.call.cancel();
  expect((await session.ended)?.code).toBe("CANCELLED");

  // 1.5 s of work, were it still going on.
  const { failure } = await server.predict(steps(1), { timeoutMs: 1000 });
  expect(failure).toBeUndefined();
});
