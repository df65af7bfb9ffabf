// Requests of different lengths share runs, and every caller gets what it would get alone.

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { array, assert, asyncProperty, constantFrom, integer, record } from "fast-check";
import type { PredictResponse } from "../../generated/predictd/v1/prediction.ts";
import { runHere } from "../cli/support/run-here.ts";
import type { Outcome } from "../support/clients.ts";
import { request } from "../support/clients.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { attentionEncoder, carelessTextEncoder, encodeRow, textEncoder, VOCABULARY } from "../support/text-models.ts";
import type { Way } from "../support/ways.ts";
import { WAYS } from "../support/ways.ts";
import { floatsOf, int64, int64sOf, shapeOf } from "../support/wire-tensors.ts";

const MANIFEST = `
maxBatchSize: 8
padding:
  inputs: { input_ids: { value: 3 }, attention_mask: { mask: true } }
  minLength: 4
  maxLength: 64
  maxBatchTokens: 256
`;

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    models: {
      "text/1/model.onnx": textEncoder(),
      "text/model.yaml": MANIFEST,
      "apart/1/model.onnx": textEncoder(),
      "apart/model.yaml": `${MANIFEST}execution: process\n`,
      "attention/1/model.onnx": attentionEncoder(),
      "attention/model.yaml": MANIFEST,
      "attention-alone/1/model.onnx": attentionEncoder(),
      "alone/1/model.onnx": textEncoder(),
      "careless/1/model.onnx": carelessTextEncoder(),
      "careless/model.yaml": MANIFEST,
    },
  });
});
afterAll(() => server?.stop());

/** Tokens that no other caller's rows have in this order. */
function idsOf(seed: number, rows: number, length: number): number[][] {
  const rowOf = (row: number): number[] => [...Array(length).keys()].map((at) => (seed * 7 + row * 3 + at * 11) % VOCABULARY);
  return [...Array(rows).keys()].map(rowOf);
}

function messageOf(model: string, ids: readonly (readonly number[])[], hasMask = true) {
  const shape = [ids.length, ids[0]!.length];
  const mask = int64("attention_mask", shape, Array<number>(shape[0]! * shape[1]!).fill(1));
  return request(model, [...(hasMask ? [mask] : []), int64("input_ids", shape, ids.flat())]);
}

/** Floats may differ in the last digits, as sums are taken in another order. */
function expectRows({ response, failure }: Outcome<PredictResponse>, ids: readonly (readonly number[])[]): void {
  expect(failure).toBeUndefined();
  const rows = ids.map(encodeRow);
  const [pooled, tokens, pairs] = response!.outputs;
  const [count, length] = [ids.length, ids[0]!.length];
  expect([pooled, tokens, pairs].map(shapeOf)).toEqual([
    [count, 4],
    [count, length, 4],
    [count, length, length],
  ]);
  for (const [tensor, name] of [
    [pooled, "pooled"],
    [tokens, "tokens"],
    [pairs, "pairs"],
  ] as const) {
    const wanted = rows.flatMap((row) => row[name]);
    const far = floatsOf(tensor).findIndex((value, i) => !(Math.abs(value - wanted[i]!) < 1e-5));
    expect([name, far]).toEqual([name, -1]);
  }
}

interface Caller {
  readonly rows: number;
  readonly length: number;
  readonly way: Way;
  readonly hasMask: boolean;
}

const anyCaller = record<Caller>({
  rows: integer({ min: 1, max: 6 }),
  length: integer({ min: 1, max: 64 }),
  way: constantFrom("Predict", "Predict", "PredictSession", "PredictUpload", "ModelInfer", "ModelStreamInfer"),
  hasMask: constantFrom(true, true, false),
});

test("every caller gets its own rows at their own length, whoever it shared a run with", async () => {
  await assert(
    asyncProperty(array(anyCaller, { minLength: 5, maxLength: 40 }), async (callers) => {
      await Promise.all(
        callers.map(async ({ rows, length, way, hasMask }, seed) => {
          const ids = idsOf(seed, rows, length);
          expectRows(await WAYS[way](server, messageOf("text", ids, hasMask)), ids);
        }),
      );
    }),
    { numRuns: 15, endOnFailure: true },
  );
});

test.each(["text", "apart"])("all ways answer equal: %s", async (model) => {
  const ids = idsOf(1, 2, 13);
  for (const way of Object.keys(WAYS) as Way[]) expectRows(await WAYS[way](server, messageOf(model, ids)), ids);
});

test("rows come in chunks, in their order", async () => {
  const ids = idsOf(2, 30, 21);
  const { chunks, failure } = await server.predictStream(messageOf("text", ids), 7);
  expect(failure).toBeUndefined();
  expect(chunks.map(({ firstRow }) => Number(firstRow))).toEqual([0, 7, 14, 21, 28]);
  chunks.forEach(({ response }, i) => expectRows({ response }, ids.slice(7 * i, 7 * (i + 1))));
});

test("attention with a mask answers as it does without padding", async () => {
  const callers = Array.from({ length: 40 }, (_, i) => idsOf(i, 1 + (i % 3), 1 + ((i * 29) % 64)));
  const answersOf = (model: string) => Promise.all(callers.map((ids) => server.predict(messageOf(model, ids))));
  const [padded, alone] = [await answersOf("attention"), await answersOf("attention-alone")];
  expect(Math.max(...padded.map(({ response }) => response!.batchRows))).toBeGreaterThan(3);
  for (const [i, { response }] of padded.entries()) {
    const [first, labels] = response!.outputs;
    const [firstAlone, labelsAlone] = alone[i]!.response!.outputs;
    expect(shapeOf(first)).toEqual(shapeOf(firstAlone));
    expect(floatsOf(first).findIndex((value, at) => !(Math.abs(value - floatsOf(firstAlone)[at]!) < 1e-5))).toBe(-1);
    expect([shapeOf(labels), int64sOf(labels)]).toEqual([shapeOf(labelsAlone), int64sOf(labelsAlone)]);
  }
});

test("a request larger than the token budget is split and joined", async () => {
  // 64 tokens a row leave room for four rows of 256.
  const ids = idsOf(5, 30, 60);
  const outcome = await server.predict(messageOf("text", ids));
  expectRows(outcome, ids);
  expect(outcome.response!.batchRows).toBeLessThanOrEqual(4);
});

test("requests of different lengths ride together, as they do not without padding", async () => {
  // Twenty lengths that are all padded to 64, two requests of each.
  const most = async (model: string): Promise<number> => {
    const ids = Array.from({ length: 40 }, (_, i) => idsOf(i, 1, 45 + (i % 20)));
    const answers = await Promise.all(ids.map((own) => server.predict(messageOf(model, own))));
    answers.forEach((answer, i) => expectRows(answer, ids[i]!));
    return Math.max(...answers.map(({ response }) => response!.batchRows));
  };
  expect(await most("text")).toBe(4);
  expect(await most("alone")).toBeLessThanOrEqual(2);
  const text = (await server.listModels()).find(({ name }) => name === "text");
  expect(text?.versions[0]?.batching?.source).toBe("the model's configuration; padded to lengths 4, 6, 9, 13, 20, 29, 43, 64");
});

test("a request that is too long is refused, with the limit", async () => {
  const { failure } = await server.predict(messageOf("text", idsOf(0, 1, 65)));
  expect(failure).toMatchObject({ code: "INVALID_ARGUMENT", reason: "INPUT_SHAPE_MISMATCH" });
  expect(failure!.message).toBe('Input "input_ids" has length 65 in dimension 1; at most 64 are allowed (padding.maxLength of the model).');
});

test("inputs of different lengths in one request are refused", async () => {
  const { failure } = await server.predict(
    request("text", [int64("input_ids", [1, 3], [1, 2, 3]), int64("attention_mask", [1, 2], [1, 1])]),
  );
  expect(failure).toMatchObject({ code: "INVALID_ARGUMENT", reason: "INPUT_SHAPE_MISMATCH" });
});

test("a model whose answers change with padding is not padded, and says so", async () => {
  const warning = server.log.find((line) => line["msg"] === "padding is off for this model");
  expect(warning?.["reason"]).toBe('padding changes answers: output "pooled" of a row differs when the row is padded');
  const model = (await server.listModels()).find(({ name }) => name === "careless");
  expect(model?.versions[0]?.reason).toBe(`Only requests of equal length share runs: ${String(warning?.["reason"])}.`);
  const answers = await Promise.all([3, 5].map((length) => server.predict(messageOf("careless", idsOf(0, 1, length)))));
  for (const { response } of answers) expect(shapeOf(response!.outputs[0])).toEqual([1, 4]);
  // Without padding there is no limit to the length either.
  expect((await server.predict(messageOf("careless", idsOf(0, 1, 65)))).failure).toBeUndefined();
});

const ask = (...args: readonly string[]) => runHere([...args, "--address", server.address]);

const outputsOf = (text: string): unknown => (JSON.parse(text) as { readonly outputs: unknown }).outputs;

test("the command line leaves a mask out where its user does", async () => {
  const { code, stdout, stderr } = await ask("predict", "--model", "text", "--json", '{"input_ids":[[1,2,3]]}', "--json-output");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const withMask = await ask("predict", "--model", "text", "--json", '{"input_ids":[[1,2,3]],"attention_mask":[[1,1,1]]}', "--json-output");
  expect(outputsOf(stdout)).toEqual(outputsOf(withMask.stdout));
  // Without padding nobody fills it in.
  expect(await ask("predict", "--model", "alone", "--json", '{"input_ids":[[1,2,3]]}')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('input "attention_mask" is missing'),
  });
});
