// ModelStreamInfer under strain: slow readers, too much at once, silence, deadlines, storms of cancels, a server that leaves.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import type { App } from "../../src/app.ts";
import { startApp } from "../app/start-app.ts";
import { createModelFolder } from "../support/model-folder.ts";
import type { ModelFolder } from "../support/model-folder.ts";
import { double, slow } from "../support/models.ts";
import { createOipClient, floatsOfRaw, fp32Input, inferRequest, int32Input, int32sOfRaw } from "../support/oip-client.ts";
import type { OipClient } from "../support/oip-client.ts";
import type { Gates, RepeatBackend } from "../support/repeat-backend.ts";
import { createGates, createRepeatBackend, FAIL, REPEAT_FILES } from "../support/repeat-backend.ts";

/** From here on elements wait until the test lets them through. */
const GATED = 1_000_000;

let folder: ModelFolder;
beforeAll(async () => {
  folder = await createModelFolder({
    "double.onnx": double(),
    "slow/model.onnx": slow(),
    "slow/model.yaml": "instances: 1\nmaxBatchSize: 1\n",
    ...REPEAT_FILES,
  });
});
afterAll(() => folder.remove());

const row = (id: string, values: readonly number[]) => inferRequest("double", id, [fp32Input("X", [1, values.length], values)]);
const steps = (id: string, count: number) => inferRequest("slow", id, [fp32Input("X", [1, 2], [count, 0])]);
const repeated = (id: string, elements: readonly number[]) => inferRequest("repeat", id, [int32Input("IN", elements)]);

/** A server, its client, and what moves its test-only model. */
interface Stage {
  readonly app: App;
  readonly client: OipClient;
  readonly repeat: RepeatBackend;
  readonly gates: Gates;
  close(): Promise<void>;
}

async function openStage(flags: Readonly<Record<string, unknown>>): Promise<Stage> {
  const gates = createGates();
  const repeat = createRepeatBackend((element) => (element >= GATED ? gates.gate(element) : undefined));
  const app = await startApp({ modelDir: folder.path, maxWorkers: 2, ...flags }, { backends: new Map([["repeat", repeat]]) });
  const client = createOipClient(app.grpcAddress);
  return {
    app,
    client,
    repeat,
    gates,
    async close() {
      client.close();
      await app.stop();
    },
  };
}

/** So many times there and back: time for whatever was on its way, measured in work and not in seconds. */
async function roundTrips({ client }: Stage, count: number): Promise<void> {
  for (let i = 0; i < count; i++) expect((await client.infer(row("", [1]))).failure).toBeUndefined();
}

describe("with room for 32 in flight", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage({ maxInFlightPerStream: 32, maxBufferedBytes: 1024 * 1024, maxMessageBytes: 1024 * 1024 });
  });
  afterAll(() => stage?.close());

  test("reading pauses there, and goes on as places come free", async () => {
    const stream = stage.client.stream();
    for (let i = 0; i < 100; i++) stream.send(repeated(String(i), [GATED + i]));
    await stage.repeat.whenRunning(32);
    await roundTrips(stage, 20);
    expect(stage.repeat.running).toBe(32);
    stage.gates.open(GATED + 31);
    expect((await stream.first(1))[0]?.id).toBe("31");
    await stage.repeat.whenRunning(32);

    stage.gates.open(...Array.from({ length: 100 }, (_, i) => GATED + i));
    expect(await stream.end()).toBeUndefined();
    expect(stream.answers.map(({ id }) => Number(id)).toSorted((a, b) => a - b)).toEqual([...Array(100).keys()]);
    expect(stage.repeat.running).toBe(0);
  });

  test("a reader that stops holds a decoupled model back; when it goes on nothing is missing", async () => {
    const count = 60_000;
    const givenBefore = stage.repeat.given;
    const stream = stage.client.stream();
    stream.send(repeated("first", [1]));
    await stream.first(1);
    stream.call.pause();
    stream.send(repeated("many", [...Array(count).keys()]));
    await stage.repeat.whenRunning(1);
    let given = 0;
    // Until a while brings nothing more.
    while (given !== stage.repeat.given) {
      given = stage.repeat.given;
      await roundTrips(stage, 50);
    }
    expect(given - givenBefore).toBeLessThan(count / 2);

    stream.call.resume();
    expect(await stream.end()).toBeUndefined();
    const many = stream.answers.slice(1);
    expect(many).toHaveLength(count);
    expect(many.every(({ raw, isFinal }, i) => int32sOfRaw(raw[0])[0] === i && isFinal === (i === count - 1))).toBe(true);
  });

  test("a reader that stops, stops models that answer once too", async () => {
    const count = 2000;
    const width = 1000;
    const okCount = () => stage.app.models().find(({ name }) => name === "double")?.versions[0]?.statistics.okCount ?? 0;
    const stream = stage.client.stream();
    stream.send(row("first", [1]));
    await stream.first(1);
    stream.call.pause();
    const before = okCount();
    // 8 MB of answers, of which windows and buffers take a part.
    for (let i = 0; i < count; i++) stream.send(row(String(i), Array(width).fill(i)));
    await roundTrips(stage, 200);
    expect(okCount() - before).toBeLessThan(count);

    stream.call.resume();
    expect(await stream.end()).toBeUndefined();
    expect(stream.answers.slice(1).every(({ id, raw }, i) => id === String(i) && floatsOfRaw(raw[0])[width - 1] === 2 * i)).toBe(true);
    expect(stream.answers).toHaveLength(count + 1);
  });

  test("the room of every message is given back, whatever became of its request", async () => {
    // Each round is about a third of what the server may hold.
    const big = Array(20_000).fill(7);
    for (let i = 0; i < 20; i++) {
      const stream = stage.client.stream();
      stream.send(row("good", big), { ...row("unknown", big), modelName: "nobody" });
      stream.send(repeated("failing", [FAIL, ...big]), repeated("held", [GATED + 500, ...big]));
      await stream.first(3);
      stream.call.cancel();
      expect(await stream.ended).toMatchObject({ code: "CANCELLED" });
    }
    await stage.repeat.whenRunning(0);
    const stream = stage.client.stream();
    for (let i = 0; i < 100; i++) stream.send(row(String(i), big));
    expect(await stream.end()).toBeUndefined();
    expect(stream.answers.filter(({ error }) => error === "")).toHaveLength(100);
  });

  test("a storm of cancels beside good traffic leaves nothing behind", async () => {
    const good = stage.client.stream();
    for (let storm = 0; storm < 40; storm++) {
      const streams = Array.from({ length: 10 }, () => stage.client.stream());
      streams.forEach((stream, i) => {
        stream.send(steps("slow", 200), repeated("held", [GATED + 600]), row("quick", [1]));
        if (i % 2 === 0) setImmediate(() => stream.call.cancel());
      });
      good.send(row(String(storm), [storm]));
      await good.first(storm + 1);
      for (const { call } of streams) call.cancel();
      await Promise.all(streams.map(({ ended }) => ended));
    }
    expect(await good.end()).toBeUndefined();
    expect(good.answers.map(({ id, raw }) => [id, ...floatsOfRaw(raw[0])])).toEqual(
      Array.from({ length: 40 }, (_, i) => [String(i), 2 * i]),
    );
    await stage.repeat.whenRunning(0);
    const queuedRows = () => stage.app.models().map(({ versions }) => versions[0]?.statistics.queuedRows);
    // The last cancels may still be on their way.
    for (let tries = 0; tries < 200 && queuedRows().some((rows) => rows !== 0); tries++) await roundTrips(stage, 1);
    expect(queuedRows()).toEqual([0, 0, 0]);
  });
});

describe("with little patience", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage({ maxStreamIdleMs: 200, defaultDeadlineMs: 400 });
  });
  afterAll(() => stage?.close());

  test("an idle stream is ended", async () => {
    const stream = stage.client.stream();
    stream.send(row("1", [1]));

    expect(await stream.ended).toMatchObject({ code: "DEADLINE_EXCEEDED", metadata: { stage: "receive" } });
    expect(stream.answers).toHaveLength(1);
  });

  test("a reader that takes nothing is given up, and the model that it held back is let go", async () => {
    const stream = stage.client.stream();
    stream.send(repeated("first", [1]));
    await stream.first(1);
    stream.call.pause();
    stream.send(repeated("many", [...Array(60_000).keys()]));
    await stage.repeat.whenRunning(1);
    await stage.repeat.whenRunning(0);

    stream.call.resume();
    expect(await stream.ended).toMatchObject({ code: "DEADLINE_EXCEEDED", metadata: { stage: "postprocess" } });
  });

  test("a request has the default deadline of its own; the stream goes on", async () => {
    const stream = stage.client.stream();
    stream.send(repeated("late", [1, GATED]), steps("slow", 20_000), row("after", [1]));
    const answers = await stream.first(4);
    stream.send(row("later", [1]));

    expect(await stream.end()).toBeUndefined();
    expect(answers.find(({ id, isFinal }) => id === "late" && isFinal)).toMatchObject({ code: "DEADLINE_EXCEEDED" });
    expect(answers.find(({ id }) => id === "slow")).toMatchObject({ code: "DEADLINE_EXCEEDED", isFinal: true });
    // Both deadlines pass at about the same time, and the decoupled model is in no order with the others.
    expect(answers.flatMap(({ id }) => (id === "late" ? [] : id))).toEqual(["slow", "after"]);
    expect(answers.find(({ id }) => id === "after")).toMatchObject({ error: "" });
    expect(stream.answers.at(-1)).toMatchObject({ id: "later", error: "" });
  });

  test("the deadline of the stream ends it with everything in flight", async () => {
    const stream = stage.client.stream({ timeoutMs: 150 });
    stream.send(repeated("held", [GATED]));

    expect(await stream.ended).toMatchObject({ code: "DEADLINE_EXCEEDED" });
    await stage.repeat.whenRunning(0);
  });
});

test("a server that leaves answers what it has, refuses in band what still comes, then ends the stream", async () => {
  const stage = await openStage({ drainDelayMs: 0 });
  const [stream, polite, strict] = [stage.client.stream(), stage.client.stream(), stage.client.stream({ strict: true })];
  stream.send(repeated("held", [GATED]), row("early", [1]));
  polite.send(repeated("held", [GATED + 1]));
  strict.send(row("early", [1]));
  await Promise.all([stream.first(1), strict.first(1), stage.repeat.whenRunning(2)]);

  const stopped = stage.app.stop();
  stream.send(row("late", [1]), repeated("late", [1]));
  strict.send(row("late", [1]));
  const politeEnd = polite.end();
  expect((await stream.first(3)).slice(1)).toMatchObject([
    { id: "late", code: "UNAVAILABLE", reason: "SERVER_DRAINING", isFinal: true },
    { id: "late", code: "UNAVAILABLE", reason: "SERVER_DRAINING", isFinal: true },
  ]);
  expect(await strict.ended).toMatchObject({ code: "UNAVAILABLE", reason: "SERVER_DRAINING" });
  stage.gates.open(GATED, GATED + 1);

  expect((await stream.first(4))[3]).toMatchObject({ id: "held", error: "", isFinal: true });
  expect(await politeEnd).toBeUndefined();
  expect(polite.answers).toHaveLength(1);
  expect(await stream.ended).toMatchObject({ code: "UNAVAILABLE", reason: "SERVER_DRAINING" });
  expect(await stopped).toBe(true);
  stage.client.close();
});
