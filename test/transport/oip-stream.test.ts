// ModelStreamInfer as the contract has it: order, errors in band and strict, final responses.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import type { App } from "../../src/app.ts";
import { startApp } from "../app/start-app.ts";
import { createModelFolder } from "../support/model-folder.ts";
import type { ModelFolder } from "../support/model-folder.ts";
import { double, slow } from "../support/models.ts";
import { boolParameter, createOipClient, floatsOfRaw, fp32Input, inferRequest, int32Input, int32sOfRaw } from "../support/oip-client.ts";
import type { OipClient, StreamAnswer } from "../support/oip-client.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import { createGates, createRepeatBackend, END_EMPTY, FAIL, FAIL_AFTER_LAST, REPEAT_FILES } from "../support/repeat-backend.ts";
import type { RepeatBackend } from "../support/repeat-backend.ts";

/** From here on elements wait until the test lets them through. */
const GATED = 1000;

const gates = createGates();
let folder: ModelFolder;
let repeat: RepeatBackend;
let app: App;
let client: OipClient;
beforeAll(async () => {
  folder = await createModelFolder({
    "double.onnx": double(),
    "slow/model.onnx": slow(),
    "slow/model.yaml": "instances: 1\nmaxBatchSize: 1\n",
    ...REPEAT_FILES,
  });
  repeat = createRepeatBackend((element) => (element >= GATED ? gates.gate(element) : undefined));
  const flags = { modelDir: folder.path, maxWorkers: 2, drainTimeoutMs: 3000 };
  app = await startApp(flags, { backends: new Map([["repeat", repeat]]) });
  client = createOipClient(app.grpcAddress);
});
afterAll(async () => {
  client.close();
  await app.stop();
  await folder.remove();
});

const number = (id: string, value: number) => inferRequest("double", id, [fp32Input("X", [1, 1], [value])]);
const steps = (id: string, count: number) => inferRequest("slow", id, [fp32Input("X", [1, 2], [count, 0])]);
const repeated = (id: string, elements: readonly number[], wantsEmptyFinal?: boolean) =>
  inferRequest("repeat", id, [int32Input("IN", elements)], {
    ...(wantsEmptyFinal !== undefined && { parameters: { triton_enable_empty_final_response: boolParameter(wantsEmptyFinal) } }),
  });
const ids = (answers: readonly StreamAnswer[]) => answers.map(({ id }) => id);
const queuedRows = () => app.models().flatMap(({ versions }) => versions.map(({ statistics }) => statistics.queuedRows));

/** What one request of the decoupled model brings: elements and the final flag of each message. */
async function finals(
  elements: readonly number[],
  wantsEmptyFinal?: boolean,
): Promise<readonly (readonly (number | boolean | undefined)[])[]> {
  const stream = client.stream();
  stream.send(repeated("it", elements, wantsEmptyFinal), number("other", 1));
  expect(await stream.end()).toBeUndefined();
  return stream.answers.filter(({ id }) => id === "it").map(({ isFinal, raw }) => [...raw.flatMap(int32sOfRaw), isFinal]);
}

describe("10. order", () => {
  test("answers of models that answer once leave in the order of their requests, errors too", async () => {
    const stream = client.stream();
    stream.send(steps("slow", 300), inferRequest("nobody", "unknown", []), number("quick", 21), inferRequest("double", "bad", []));
    stream.send(number("last", 4));

    expect(await stream.end()).toBeUndefined();
    expect(ids(stream.answers)).toEqual(["slow", "unknown", "quick", "bad", "last"]);
    expect(stream.answers.map(({ error }) => error === "")).toEqual([true, false, true, false, true]);
    expect(floatsOfRaw(stream.answers[2]?.raw[0])).toEqual([42]);
    expect(stream.answers[2]).toMatchObject({ model: "double", version: "1", outputs: [{ name: "Y", datatype: "FP32", shape: [1n, 1n] }] });
  });

  test("responses of a decoupled model come when they come, matched by id, and overtake what is in order", async () => {
    const stream = client.stream();
    stream.send(repeated("a", [1001, 1002]), repeated("b", [1011, 1012]), steps("slow", 300), repeated("c", [3]));
    const seen = async (count: number) => ids(await stream.first(count)).at(-1);

    expect(await seen(1)).toBe("c");
    expect(await seen(2)).toBe("slow");
    gates.open(1011);
    expect(await seen(3)).toBe("b");
    gates.open(1001);
    expect(await seen(4)).toBe("a");
    gates.open(1002);
    expect(await seen(5)).toBe("a");
    gates.open(1012);
    expect(await stream.end()).toBeUndefined();
    expect(ids(stream.answers)).toEqual(["c", "slow", "b", "a", "a", "b"]);
    expect(stream.answers.filter(({ id }) => id === "b").map(({ raw }) => int32sOfRaw(raw[0]))).toEqual([[1011], [1012]]);
  });

  test("ten thousand small requests on one stream", async () => {
    const count = 10_000;
    const stream = client.stream();
    for (let i = 0; i < count; i++) stream.send(number(String(i), i));

    expect(await stream.end()).toBeUndefined();
    expect(stream.answers).toHaveLength(count);
    expect(stream.answers.every(({ id, raw, isFinal }, i) => id === String(i) && floatsOfRaw(raw[0])[0] === 2 * i && isFinal)).toBe(true);
  });
});

describe("10. end", () => {
  test("half-close drains what is in flight, decoupled or not, then the stream ends with OK", async () => {
    const stream = client.stream();
    for (let i = 0; i < 10; i++) stream.send(steps(`slow ${i}`, 20), repeated(`repeat ${i}`, [1100, 2]));
    const ended = stream.end();
    await repeat.whenRunning(10);
    gates.open(1100);

    expect(await ended).toBeUndefined();
    expect(stream.answers).toHaveLength(30);
    expect(stream.answers.filter(({ isFinal }) => isFinal)).toHaveLength(20);
  });

  test("a cancel frees the queue places at once", async () => {
    const stream = client.stream();
    for (let i = 0; i < 30; i++) stream.send(steps(`slow ${i}`, 500), repeated(`held ${i}`, [1200]));
    stream.send(repeated("now", [5]));
    await stream.first(1);
    expect(repeat.running).toBe(30);
    expect(Math.max(...queuedRows())).toBeGreaterThan(20);
    stream.call.cancel();

    expect(await stream.ended).toMatchObject({ code: "CANCELLED" });
    await repeat.whenRunning(0);
    expect(Math.max(...queuedRows())).toBe(0);
    // 1.5 s of work, were it still going on.
    expect((await client.infer(steps("after", 1), { timeoutMs: 1000 })).failure).toBeUndefined();
  });

  test("a connection that is lost frees them too", async () => {
    const other = createOipClient(app.grpcAddress);
    const stream = other.stream();
    for (let i = 0; i < 20; i++) stream.send(steps(`slow ${i}`, 500), repeated(`held ${i}`, [1300]));
    await repeat.whenRunning(20);
    other.close();
    stream.call.cancel();

    await repeat.whenRunning(0);
    expect(Math.max(...queuedRows())).toBe(0);
  });
});

describe("11. errors", () => {
  test("an error in band carries id, model and our code and reason, and the stream goes on", async () => {
    const stream = client.stream();
    stream.send(
      inferRequest("nobody", "unknown", [], { modelVersion: "7" }),
      inferRequest("double", "shape", [fp32Input("X", [1, -1], [])]),
      inferRequest("double", "parameter", [fp32Input("X", [1, 1], [1])], { parameters: { triton_other: boolParameter(true) } }),
      number("good", 1),
      repeated("failing", [1, FAIL]),
    );
    expect(await stream.end()).toBeUndefined();
    const byId = new Map(stream.answers.map((answer) => [answer.id, answer]));

    expect(byId.get("unknown")).toMatchObject({
      model: "nobody",
      version: "7",
      error: expect.stringMatching(/^Request for unknown model: .nobody. is not found$/),
      code: "NOT_FOUND",
      reason: "MODEL_NOT_FOUND",
      isFinal: true,
      outputs: [],
    });
    expect(byId.get("shape")).toMatchObject({ model: "double", code: "INVALID_ARGUMENT", reason: "INPUT_SHAPE_MISMATCH", isFinal: true });
    expect(byId.get("parameter")).toMatchObject({ code: "INVALID_ARGUMENT", reason: "PARAMETER_INVALID", isFinal: true });
    expect(byId.get("good")).toMatchObject({ error: "", code: undefined, reason: undefined, isFinal: true });
    expect(byId.get("failing")).toMatchObject({ model: "repeat", code: "INTERNAL", reason: "MODEL_RUN_FAILED", isFinal: true });
  });

  test("an id that is too long is refused under that id, a monstrous one under its beginning", async () => {
    const stream = client.stream();
    stream.send(number("i".repeat(1000), 1), number("j".repeat(5000), 1), number("i".repeat(128), 1));

    expect(await stream.end()).toBeUndefined();
    expect(ids(stream.answers)).toEqual(["i".repeat(1000), "j".repeat(1024), "i".repeat(128)]);
    expect(stream.answers.map(({ reason }) => reason)).toEqual(["FIELD_INVALID", "FIELD_INVALID", undefined]);
  });

  test("strict: the first error ends the stream with its status and details, after the answers before it", async () => {
    const stream = client.stream({ strict: true });
    stream.send(steps("slow", 300), number("quick", 1), inferRequest("nobody", "unknown", []), steps("dropped", 5000), number("never", 1));

    expect(await stream.ended).toMatchObject({
      code: "NOT_FOUND",
      reason: "MODEL_NOT_FOUND",
      message: expect.stringMatching(/^Request for unknown model: .nobody. is not found$/),
      resource: { type: "model", name: "nobody" },
    });
    expect(ids(stream.answers)).toEqual(["slow", "quick"]);
    // Half a second of work, were it still going on.
    expect((await client.infer(steps("after", 1), { timeoutMs: 400 })).failure).toBeUndefined();
  });

  test("strict: what comes after an error that waits for its turn is not begun, what is behind it is cancelled", async () => {
    const stream = client.stream({ strict: true });
    stream.send(repeated("held", [1400]), steps("slow", 1000));
    await repeat.whenRunning(1);
    stream.send(inferRequest("nobody", "unknown", []), steps("behind", 1000), number("behind too", 1));

    expect(await stream.ended).toMatchObject({ code: "NOT_FOUND" });
    expect(ids(stream.answers)).toEqual(["slow"]);
    await repeat.whenRunning(0);
    expect(Math.max(...queuedRows())).toBe(0);
  });

  test("strict: an error of a decoupled model ends the stream at once", async () => {
    const stream = client.stream({ strict: true });
    stream.send(steps("slow", 5000), repeated("held", [1500]), repeated("failing", [1, FAIL]));

    expect(await stream.ended).toMatchObject({ code: "INTERNAL", reason: "MODEL_RUN_FAILED" });
    expect(ids(stream.answers)).toEqual(["failing"]);
    await repeat.whenRunning(0);
  });

  test("strict without an error, or not asked for", async () => {
    const strict = client.stream({ strict: true });
    const lax = client.stream({ strict: false });
    strict.send(number("1", 1), repeated("2", [1, 2]));
    lax.send(inferRequest("nobody", "1", []), number("2", 1));

    expect(await strict.end()).toBeUndefined();
    expect(await lax.end()).toBeUndefined();
    expect(strict.answers.map(({ isFinal }) => isFinal).filter(Boolean)).toHaveLength(2);
    expect(strict.answers).toHaveLength(3);
    expect(ids(lax.answers)).toEqual(["1", "2"]);
  });

  test.each([
    ["garbage", Buffer.from("ffffffff", "hex")],
    ["a truncated field", Buffer.from("0a0561", "hex")],
  ])("%s ends the stream", async (_what, bytes) => {
    const connection = connectRaw(app.grpcAddress);
    const { answer } = connection.call("/inference.GRPCInferenceService/ModelStreamInfer", { body: frame(bytes), end: false });

    expect((await answer).status).toMatchObject({ code: "INVALID_ARGUMENT", reason: "MESSAGE_MALFORMED" });
    connection.close();
  });
});

describe("12. triton_final_response is true exactly once for each request", () => {
  test("of models that answer once", async () => {
    const stream = client.stream();
    stream.send(number("1", 1), number("2", 1), inferRequest("nobody", "3", []));
    expect(await stream.end()).toBeUndefined();
    expect(stream.answers.map(({ isFinal }) => isFinal)).toEqual([true, true, true]);
  });

  test.each([undefined, false, true])("of a model that knows its last response; empty final message wanted: %s", async (wanted) => {
    expect(await finals([1], wanted)).toEqual([[1, true]]);
    expect(await finals([1, 2, 3], wanted)).toEqual([
      [1, false],
      [2, false],
      [3, true],
    ]);
  });

  test("of a model that does not: the empty message comes only when asked for", async () => {
    const two = [
      [1, false],
      [2, false],
    ];
    expect(await finals([1, 2, END_EMPTY])).toEqual(two);
    expect(await finals([1, 2, END_EMPTY], false)).toEqual(two);
    expect(await finals([1, 2, END_EMPTY], true)).toEqual([...two, [true]]);
    expect(await finals([])).toEqual([]);
    expect(await finals([], true)).toEqual([[true]]);
  });

  test("the empty message names id, model and version", async () => {
    const stream = client.stream();
    stream.send(repeated("it", [], true));
    expect(await stream.end()).toBeUndefined();
    expect(stream.answers).toEqual([
      { id: "it", model: "repeat", version: "1", error: "", code: undefined, reason: undefined, isFinal: true, outputs: [], raw: [] },
    ]);
  });

  test("of a request that fails half-way", async () => {
    expect(await finals([1, FAIL])).toEqual([[1, false], [true]]);
    expect(await finals([1, FAIL_AFTER_LAST])).toEqual([[1, true]]);
  });
});
