// Models that run at certain batch sizes only, files made for one batch size among them.

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { request } from "../support/clients.ts";
import { centreOverRows, double, gather, identity } from "../support/models.ts";
import type { TestServer } from "../support/server.ts";
import { startServer } from "../support/server.ts";
import { floatsOf, fp32, int64, shapeOf, text } from "../support/wire-tensors.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    models: {
      "free/model.onnx": double(),
      "free/model.yaml": "allowedBatchSizes: [8, 2]\nwarmupDims: { W: 3 }\n",
      "four/model.onnx": identity("float", [4, 2]),
      "four/model.yaml": "allowedBatchSizes: [4]\n",
      "processed/model.onnx": identity("float", [4, 2]),
      "processed/model.yaml": "allowedBatchSizes: [4]\nexecution: process\n",
      "inlined/model.onnx": identity("float", [4, 2]),
      "inlined/model.yaml": "allowedBatchSizes: [4]\nexecution: inline\n",
      "one/model.onnx": identity("float", [1, 2]),
      "one/model.yaml": "allowedBatchSizes: [1]\n",
      "texts/model.onnx": identity("string", [4, 2]),
      "texts/model.yaml": "allowedBatchSizes: [4]\n",
      "lookup/model.onnx": gather(),
      "lookup/model.yaml": "allowedBatchSizes: [4, 8]\n",
      "described/1/model.onnx": identity("float", [4, 2]),
      "described/config.pbtxt": `max_batch_size: 4 dynamic_batching { }
        input { name: "X" data_type: TYPE_FP32 dims: 2 } output { name: "Y" data_type: TYPE_FP32 dims: 2 }`,
      "described/model.yaml": "allowedBatchSizes: [4]\n",
      "forgotten/model.onnx": identity("float", [4, 2]),
      "forgotten/model.yaml": "maxBatchSize: 4\n",
      "other/model.onnx": identity("float", [4, 2]),
      "other/model.yaml": "allowedBatchSizes: [2, 4]\n",
      "differs/model.onnx": double(),
      "differs/model.yaml": "allowedBatchSizes: [2, 4]\nmaxBatchSize: 8\n",
      "mixing/model.onnx": centreOverRows(),
      "mixing/model.yaml": "allowedBatchSizes: [2, 4]\n",
      "padded/model.onnx": double(),
      "padded/model.yaml": "allowedBatchSizes: [4]\npadding: { inputs: { X: { value: 0 } }, maxLength: 64 }\n",
      "clashing/model.onnx": double(),
      "clashing/model.yaml": "allowedBatchSizes: [2, 8]\npreferredBatchSizes: [8, 4]\n",
      "agreeing/model.onnx": double(),
      "agreeing/model.yaml": "allowedBatchSizes: [2, 8]\npreferredBatchSizes: [2]\nwarmupDims: { W: 3 }\n",
      "misnamed/model.onnx": double(),
      "misnamed/model.yaml": "warmupDims: { N: 2, W: 3, nope: 8 }\n",
      "hoping/model.onnx": double(),
      "hoping/model.yaml": "preferredBatchSizes: [64]\n",
    },
  });
});
afterAll(() => server?.stop());

async function versionOf(name: string) {
  return (await server.listModels()).find((model) => model.name === name)!.versions[0]!;
}

test.each([
  ["free", 8, [2n, 8n]],
  ["four", 4, [4n]],
  ["processed", 4, [4n]],
  ["inlined", 4, [4n]],
  ["one", 1, [1n]],
  ["described", 4, [4n]],
])("%s: every number of rows is answered, by runs of the allowed sizes", async (name, maxBatchSize, warmed) => {
  const version = await versionOf(name);
  // On a loaded machine runs on the main thread take long enough to be advised against.
  expect(version).toMatchObject({ reason: name === "inlined" ? expect.any(String) : "", batching: { maxBatchSize } });
  expect(version.warmup.map(({ rows }) => BigInt(rows))).toEqual(warmed);
  const factor = name === "free" ? 2 : 1;
  await Promise.all(
    [1, 2, 3, 4, 5, 8, 9, 21].map(async (rows) => {
      const values = Array.from({ length: 2 * rows }, (_, i) => 100 * rows + i);
      const { response, failure } = await server.predict(request(name, [fp32("X", [rows, 2], values)]));
      expect(failure).toBeUndefined();
      expect(shapeOf(response!.outputs[0])).toEqual([rows, 2]);
      expect(floatsOf(response!.outputs[0])).toEqual(values.map((value) => factor * value));
    }),
  );
});

test("callers see rows of any number where the file has one number", async () => {
  expect((await versionOf("four")).inputs[0]!.dims.map(({ size }) => Number(size))).toEqual([-1, 2]);
});

test("texts of any length are filled up too", async () => {
  const given = text("X", [3, 2], ["a", "bc", "", "d", "efghi", "j"]);
  const { response } = await server.predict(request("texts", [given]));
  expect(shapeOf(response!.outputs[0])).toEqual([3, 2]);
  expect(Buffer.compare(response!.outputs[0]!.raw, given.raw)).toBe(0);
});

test("one caller's bad value is not repeated into another one's failure", async () => {
  const answers = await Promise.all([3, 99, 7].map((value) => server.predict(request("lookup", [int64("INDEX", [1], [value])]))));
  expect(answers.map(({ failure }) => failure?.reason)).toEqual([undefined, "MODEL_REJECTED_INPUT", undefined]);
  expect(floatsOf(answers[2]!.response!.outputs[0])).toEqual([7, 7.25, 7.5]);
});

test.each([
  ["other", 'allowedBatchSizes is 2, 4, but the first dimension of "X" is 4.'],
  ["forgotten", "A file made for 4 rows is served with allowedBatchSizes: [4] in model.yaml."],
  [
    "differs",
    "maxBatchSize (max_batch_size in config.pbtxt) is 8, but the largest of allowedBatchSizes is 4: leave it out, or give both the same.",
  ],
  ["mixing", "Batches cannot be filled up to allowedBatchSizes: rows influence each other"],
  ["padded", "padding and allowedBatchSizes cannot be given together: a run of padded requests has as many rows as maxBatchTokens allows."],
  ["clashing", "preferredBatchSizes (preferred_batch_size in config.pbtxt) has 4, which allowedBatchSizes does not: 2, 8."],
  [
    "hoping",
    "preferredBatchSizes (preferred_batch_size in config.pbtxt) has 64; a run takes at most 32 rows (maxBatchSize, max_batch_size in config.pbtxt).",
  ],
])("%s is refused", async (name, reason) => {
  expect((await versionOf(name)).reason).toContain(reason);
});

test("preferred sizes that are allowed", async () => {
  expect(await versionOf("agreeing")).toMatchObject({ reason: "", batching: { preferredBatchSizes: [2], allowedBatchSizes: [2, 8] } });
});

test("a length for a dimension that no input has is told, and the model serves", async () => {
  const { reason, state } = await versionOf("misnamed");
  expect(state).toBe((await versionOf("free")).state);
  expect(reason).toBe('warmupDims names "N", "nope"; the free dimensions of the inputs are "W".');
});
