// A Triton model repository is served as it is: each line of config.pbtxt acts, or is said not to.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import type { ModelVersion } from "../../generated/predictd/v1/model.ts";
import { ModelMetadataRequest } from "../../generated/inference/grpc_service.ts";
import type { InferParameter, ModelMetadataResponse } from "../../generated/inference/grpc_service.ts";
import { request, unary } from "../support/clients.ts";
import { centreOverRows, identity, sumAndDifference } from "../support/models.ts";
import { createOipClient, floatsOfRaw, fp32Input, inferRequest } from "../support/oip-client.ts";
import type { OipClient } from "../support/oip-client.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { floatsOf, fp32 } from "../support/wire-tensors.ts";

const FOUR = "data_type: TYPE_FP32 dims: [ 4 ]";
const X_AND_Y = `input [ { name: "X" ${FOUR} } ] output [ { name: "Y" ${FOUR} } ]`;

const FILES: Readonly<Record<string, Uint8Array | string>> = {
  // In the layout of Triton's own example.
  "simple/1/model.onnx": sumAndDifference(["N", 4]),
  "simple/config.pbtxt": `
    name: "simple"
    platform: "onnxruntime_onnx"
    max_batch_size: 8
    input [ { name: "A" ${FOUR} }, { name: "B" ${FOUR} } ]
    output [ { name: "SUM" ${FOUR} }, { name: "DIFFERENCE" ${FOUR} } ]
    instance_group [ { count: 1 kind: KIND_CPU } ]`,
  "labelled/1/model.onnx": identity("float", ["N", 4]),
  "labelled/labels.txt": "zero\none\ntwo\nthree\n",
  "labelled/config.pbtxt": `max_batch_size: 4 input { name: "X" ${FOUR} } output { name: "Y" ${FOUR} label_filename: "labels.txt" }`,
  "reshaped/1/model.onnx": identity("float", ["N", 4]),
  "reshaped/config.pbtxt": `
    max_batch_size: 4
    input { name: "X" data_type: TYPE_FP32 dims: [ 2, 2 ] reshape { shape: [ 4 ] } }
    output { name: "Y" data_type: TYPE_FP32 dims: [ 4, 1 ] reshape { shape: [ 4 ] } }
    dynamic_batching { }`,
  "latest/1/model.onnx": identity("float"),
  "latest/3/model.onnx": identity("float"),
  "latest/config.pbtxt": `max_batch_size: 4 ${X_AND_Y}`,
  "chosen/1/model.onnx": identity("float"),
  "chosen/2/model.onnx": identity("float"),
  "chosen/3/model.onnx": identity("float"),
  "chosen/config.pbtxt": `max_batch_size: 4 ${X_AND_Y} version_policy { specific { versions: [ 1, 3 ] } }`,
  "named/1/net.bin": identity("float"),
  "named/config.pbtxt": `max_batch_size: 4 ${X_AND_Y} default_model_filename: "net.bin"`,
  "warmed/1/model.onnx": identity("float"),
  "warmed/warmup/row": new Uint8Array(16),
  "warmed/config.pbtxt": `
    max_batch_size: 4 ${X_AND_Y} response_cache { enable: true } model_metrics { }
    dynamic_batching { preferred_batch_size: [ 2 ] preserve_ordering: true }
    model_warmup [ { name: "rows" batch_size: 2 inputs { key: "X" value { data_type: TYPE_FP32 dims: [ 4 ] input_data_file: "row" } } } ]`,
  "urgent/1/model.onnx": identity("float"),
  "urgent/config.pbtxt": `
    max_batch_size: 4 ${X_AND_Y}
    dynamic_batching {
      priority_levels: 2 default_priority_level: 2
      default_queue_policy { default_timeout_microseconds: 60000000 allow_timeout_override: true max_queue_size: 100 }
    }`,
  "mixing/1/model.onnx": centreOverRows(),
  "mixing/config.pbtxt": `max_batch_size: 4 ${X_AND_Y} dynamic_batching { }`,
  "wishful/1/model.onnx": identity("float"),
  "wishful/config.pbtxt": `max_batch_size: 4 ${X_AND_Y} instance_group { count: 99 kind: KIND_GPU }`,
  "other-dims/1/model.onnx": identity("float"),
  "other-dims/config.pbtxt": `max_batch_size: 4 input { name: "X" data_type: TYPE_FP32 dims: [ 5 ] } output { name: "Y" ${FOUR} }`,
  "other-backend/1/model.onnx": identity("float"),
  "other-backend/config.pbtxt": 'backend: "python"',
  "sequences/1/model.onnx": identity("float"),
  "sequences/config.pbtxt": `max_batch_size: 4 ${X_AND_Y} sequence_batching { }`,
  "bad-warmup/1/model.onnx": identity("float"),
  "bad-warmup/config.pbtxt": `
    max_batch_size: 4 ${X_AND_Y}
    model_warmup { name: "w" batch_size: 1 inputs { key: "X" value { data_type: TYPE_FP32 dims: [ 4 ] input_data_file: "../../latest/1/model.onnx" } } }`,
  "bad-labels/1/model.onnx": identity("float"),
  "bad-labels/config.pbtxt": `max_batch_size: 4 input { name: "X" ${FOUR} } output { name: "Y" ${FOUR} label_filename: "../labelled/labels.txt" }`,
  "bad-text/1/model.onnx": identity("float"),
  "bad-text/config.pbtxt": "max_batch_size: 4\nmax_batch: 7\n",
  // Ours wins for what it says.
  "both/1/model.onnx": identity("float"),
  "both/config.pbtxt": `max_batch_size: 4 ${X_AND_Y} dynamic_batching { }`,
  "both/model.yaml": "description: both\nmaxBatchSize: 2\n",
};

let server: TestServer;
let client: OipClient;
beforeAll(async () => {
  server = await startServer({ models: FILES, flags: ["--warmup-budget-ms", "50"] });
  client = createOipClient(server.address);
});
afterAll(async () => {
  client?.close();
  await server?.stop();
});

async function versionsOf(name: string): Promise<readonly ModelVersion[]> {
  return (await server.listModels()).find((model) => model.name === name)!.versions;
}

async function metadataOf(name: string): Promise<ModelMetadataResponse> {
  const { response } = await unary<ModelMetadataResponse>((done) => {
    client.service.modelMetadata(ModelMetadataRequest.fromPartial({ name }), done);
  });
  return response!;
}

const row = [1, 2, 3, 4];

test("Triton's own example answers", async () => {
  const { response } = await client.infer(
    inferRequest("simple", "", [fp32Input("A", [2, 4], [...row, ...row]), fp32Input("B", [2, 4], [...row, ...row])]),
  );
  expect(floatsOfRaw(response!.rawOutputContents[0])).toEqual([2, 4, 6, 8, 2, 4, 6, 8]);
  const [version] = await versionsOf("simple");
  expect(version).toMatchObject({ batching: { enabled: false, maxBatchSize: 8 }, execution: { instances: 1, provider: "cpu" } });
});

test("labels come from their file", async () => {
  const parameters: Record<string, InferParameter> = { classification: { parameterChoice: { $case: "int64Param", value: 1n } } };
  const { response } = await client.infer(
    inferRequest("labelled", "", [fp32Input("X", [1, 4], row)], { outputs: [{ name: "Y", parameters }] }),
  );
  expect(Buffer.from(response!.rawOutputContents[0]!).toString("utf8", 4)).toBe("4.000000:3:three");
});

test("reshaped inputs and outputs", async () => {
  const metadata = await metadataOf("reshaped");
  expect([metadata.inputs[0]!.shape, metadata.outputs[0]!.shape]).toEqual([
    [-1n, 2n, 2n],
    [-1n, 4n, 1n],
  ]);
  const { response } = await client.infer(inferRequest("reshaped", "", [fp32Input("X", [2, 2, 2], [...row, ...row])]));
  expect(response!.outputs[0]!.shape).toEqual([2n, 4n, 1n]);
  const refused = await client.infer(inferRequest("reshaped", "", [fp32Input("X", [2, 4], [...row, ...row])]));
  expect(refused.failure).toMatchObject({ reason: "INPUT_SHAPE_MISMATCH" });
});

test("a request with more rows than max_batch_size is split and joined", async () => {
  const rows = Array.from({ length: 11 }, (_, i) => [i, i, i, i]).flat();
  for (const model of ["reshaped", "latest"]) {
    const shape = model === "reshaped" ? [11, 2, 2] : [11, 4];
    const { response } = await client.infer(inferRequest(model, "", [fp32Input("X", shape, rows)]));
    expect(floatsOfRaw(response!.rawOutputContents[0])).toEqual(rows);
  }
});

test.each([
  ["latest", ["3"]],
  ["chosen", ["3", "1"]],
  ["named", ["1"]],
])("versions of %s", async (name, versions) => {
  expect((await versionsOf(name)).map(({ version }) => version)).toEqual(versions);
  const { response } = await client.infer(inferRequest(name, "", [fp32Input("X", [1, 4], row)]));
  expect(response!.modelVersion).toBe(versions[0]);
});

test("what is left out is said by name", async () => {
  const [version] = await versionsOf("warmed");
  expect(version!.reason).toContain("response_cache.enable");
  expect(version!.reason).toContain("model_metrics");
  expect(JSON.stringify(server.log.filter(({ model }) => model === "warmed"))).toContain("response_cache.enable");
});

test("a model.yaml beside it wins for what it says", async () => {
  const model = (await server.listModels()).find(({ name }) => name === "both");
  expect(model).toMatchObject({ description: "both", versions: [{ batching: { enabled: true, maxBatchSize: 2 } }] });
});

test("priorities and queue policies are taken", async () => {
  const parameters: Record<string, InferParameter> = {
    priority: { parameterChoice: { $case: "uint64Param", value: 1n } },
    timeout: { parameterChoice: { $case: "int64Param", value: 5_000_000n } },
  };
  const { response } = await client.infer(inferRequest("urgent", "", [fp32Input("X", [1, 4], row)], { parameters }));
  expect(floatsOfRaw(response!.rawOutputContents[0])).toEqual(row);
});

describe("what cannot be served is refused by name", () => {
  test.each([
    ["other-dims", 'input "X" with shape [5]'],
    ["other-backend", 'backend "python"'],
    ["sequences", "sequence_batching"],
    ["bad-warmup", "model_warmup"],
    ["bad-labels", "label_filename"],
    ["bad-text", "line 2"],
  ])("%s", async (name, text) => {
    const { failure } = await client.infer(inferRequest(name, "", [fp32Input("X", [1, 4], row)]));
    expect(failure).toMatchObject({ code: "UNAVAILABLE", reason: "MODEL_NOT_READY", message: expect.stringContaining(text) });
    expect(failure!.message).not.toContain(server.modelDir);
  });
});

describe("a model whose rows depend on each other", () => {
  test("keeps its max_batch_size, with requests neither joined nor split", async () => {
    const rows = [1, 2, 3, 4, 3, 4, 5, 6];
    const { response } = await client.infer(inferRequest("mixing", "", [fp32Input("X", [2, 4], rows)]));
    expect(floatsOfRaw(response!.rawOutputContents[0])).toEqual([-1, -1, -1, -1, 1, 1, 1, 1]);
    expect((await metadataOf("mixing")).inputs[0]!.shape).toEqual([-1n, 4n]);
    const [version] = await versionsOf("mixing");
    expect(version).toMatchObject({
      batching: { enabled: false, maxBatchSize: 4 },
      reason: expect.stringContaining("rows influence each other"),
    });
  });

  test("refuses more rows in Triton's words, and answers many rows of a stream in one chunk", async () => {
    const five = Array.from({ length: 20 }, (_, i) => i);
    const { failure } = await client.infer(inferRequest("mixing", "", [fp32Input("X", [5, 4], five)]));
    expect(failure).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("inference request batch-size must be <= 4"),
    });
    const { chunks } = await server.predictStream(request("mixing", [fp32("X", [4, 4], five.slice(0, 16))]), 1);
    expect(chunks).toHaveLength(1);
    expect(floatsOf(chunks[0]!.response!.outputs[0])).toEqual(five.slice(0, 16).map((value) => value - 6 - (value % 4)));
  });
});

test("a GPU that is not there, and instances that do not fit, are said", async () => {
  const [version] = await versionsOf("wishful");
  expect(version!.reason).toContain("KIND_GPU: it runs on the CPU");
  expect(version!.reason).toContain("99 instances are asked for");
});
