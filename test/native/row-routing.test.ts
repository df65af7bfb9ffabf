// Rows never reach the wrong caller, whatever the mix of callers, sizes, widths, cancels and deadlines.

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { array, assert, asyncProperty, constantFrom, integer, record } from "fast-check";

import { request } from "../support/clients.ts";
import { double } from "../support/models.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { openSession } from "../support/session.ts";
import { floatsOf, fp32, shapeOf } from "../support/wire-tensors.ts";

let server: TestServer;
beforeAll(async () => {
  // Batches of at most 16, so that callers of up to 70 rows are split and joined.
  server = await startServer({ models: { "double.onnx": double() }, flags: ["--max-batch-size", "16"] });
});
afterAll(() => server?.stop());

interface Caller {
  readonly rows: number;
  readonly width: number;
  readonly way: "unary" | "session" | "stream" | "upload";
  readonly fate: "patient" | "cancels" | "hurries";
}

const anyCaller = record<Caller>({
  rows: integer({ min: 1, max: 70 }),
  width: integer({ min: 1, max: 3 }),
  way: constantFrom("unary", "unary", "session", "stream", "upload"),
  fate: constantFrom("patient", "patient", "patient", "cancels", "hurries"),
});

/** Values that no other caller and no other row has, so that a single misplaced one is seen. */
function valuesOf(index: number, { rows, width }: Caller): number[] {
  return Array.from({ length: rows * width }, (_, i) => index * 1000 + i);
}

async function callAs(index: number, caller: Caller): Promise<void> {
  const { rows, width, way, fate } = caller;
  const values = valuesOf(index, caller);
  const input = fp32("X", [rows, width], values);
  const message = request("double", [input], { requestId: `caller ${index}` });
  const hurry = fate === "hurries" ? { timeoutMs: 1 + (index % 5) } : {};
  const controller = new AbortController();
  const choices = { ...hurry, signal: controller.signal };
  if (fate === "cancels") setTimeout(() => controller.abort(), index % 4);
  let got: number[] | undefined;
  let code: string | undefined;
  if (way === "stream") {
    const { chunks, failure } = await server.predictStream(message, 1 + (index % 20), choices);
    code = failure?.code;
    chunks.forEach((chunk, i) => expect(Number(chunk.firstRow)).toBe(i * Math.min(16, 1 + (index % 20))));
    got = chunks.flatMap((chunk) => floatsOf(chunk.response?.outputs[0]));
    if (code !== undefined) expect(got).toEqual(values.slice(0, got.length).map((value) => 2 * value));
  } else {
    const { response, failure } = await (way === "session"
      ? viaSession(message, choices)
      : way === "upload"
        ? server.upload(
            { request: { ...message, inputs: [{ ...input, raw: new Uint8Array(0) }] }, input: "X", totalBytes: BigInt(4 * values.length) },
            [input.raw],
            choices,
          )
        : server.predict(message, choices));
    code = failure?.code;
    if (response !== undefined) {
      expect(response.requestId).toBe(`caller ${index}`);
      expect(shapeOf(response.outputs[0])).toEqual([rows, width]);
      got = floatsOf(response.outputs[0]);
    }
  }
  if (fate === "patient") expect(code).toBeUndefined();
  else expect([undefined, "CANCELLED", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"]).toContain(code);
  if (code === undefined) expect(got).toEqual(values.map((value) => 2 * value));
}

async function viaSession(message: ReturnType<typeof request>, choices: { timeoutMs?: number; signal: AbortSignal }) {
  const session = openSession(server.prediction);
  choices.signal.addEventListener("abort", () => session.cancel("1"));
  const answer = await session.predict("1", message, choices.timeoutMs);
  expect(await session.end()).toBeUndefined();
  return answer;
}

test("every caller gets its own rows or an error, never somebody else's", async () => {
  await assert(
    asyncProperty(array(anyCaller, { minLength: 10, maxLength: 60 }), async (callers) => {
      await Promise.all(callers.map((one, index) => callAs(index, one)));
    }),
    { numRuns: 12, endOnFailure: true },
  );
  const [model] = await server.listModels();
  expect(model?.versions[0]?.statistics?.queuedRows).toBe(0n);
});

test("messages of many frames, whose memory is used again, among cancels", async () => {
  const width = 20_000;
  const outcomes = await Promise.all(
    [...Array(120).keys()].map(async (i) => {
      const controller = new AbortController();
      const outcome = server.predict(request("double", [fp32("X", [1, width], new Float32Array(width).fill(i))]), {
        signal: controller.signal,
      });
      if (i % 3 === 0) setTimeout(() => controller.abort(), i % 16);
      return outcome;
    }),
  );

  outcomes.forEach(({ response, failure }, i) => {
    if (failure !== undefined) expect([i % 3, failure.code]).toEqual([0, "CANCELLED"]);
    else expect(new Set(floatsOf(response?.outputs[0]))).toEqual(new Set([2 * i]));
  });
});

test("callers of one width share batches", async () => {
  const answers = await Promise.all([...Array(64).keys()].map((i) => server.predict(request("double", [fp32("X", [1, 2], [i, -i])]))));

  answers.forEach(({ response }, i) => expect(floatsOf(response?.outputs[0])).toEqual([2 * i, -2 * i]));
  expect(Math.max(...answers.map(({ response }) => response?.batchRows ?? 0))).toBeGreaterThan(1);
  expect(Math.max(...answers.map(({ response }) => response?.batchRows ?? 0))).toBeLessThanOrEqual(16);
});
