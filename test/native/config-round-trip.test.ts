// The configuration that ModelConfig shows can be sent back with a load call, whatever the model looks like.

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { configToJson } from "../../src/registry/triton/config-json.ts";
import { connectOip } from "../contract/oip-service.ts";
import type { OipClient } from "../contract/oip-service.ts";
import { gather, identity, nonZero, optionalInput, passThrough, sumOverRows, zipMap } from "../support/models.ts";
import { textEncoder } from "../support/text-models.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";

const FP = "data_type: TYPE_FP32";

const FILES: Readonly<Record<string, Uint8Array | string>> = {
  "no-version/model.onnx": identity("float"),
  "no-version-named/net.onnx": identity("float"),
  "bare.onnx": identity("float"),
  "named/1/net.onnx": identity("float"),
  "scalar/1/model.onnx": identity("float", []),
  "single/1/model.onnx": identity("float", ["N"]),
  "texts/1/model.onnx": identity("string", ["N"]),
  "gather/1/model.onnx": gather(),
  "zip-map/1/model.onnx": zipMap(),
  "optional/1/model.onnx": optionalInput(),
  "non-zero/1/model.onnx": nonZero(),
  "padded/1/model.onnx": textEncoder(),
  "padded/model.yaml": "padding: { inputs: { input_ids: {}, attention_mask: { mask: true } }, maxLength: 32 }",
  "sum/1/model.onnx": sumOverRows(),
  "pass/1/model.onnx": passThrough(),
  "reshaped/1/model.onnx": identity("float"),
  "reshaped/config.pbtxt": `max_batch_size: 4 dynamic_batching { }
    input { name: "X" ${FP} dims: [ 2, 2 ] reshape { shape: [ 4 ] } } output { name: "Y" ${FP} dims: [ 4, 1 ] reshape { shape: [ 4 ] } }`,
};

let server: TestServer;
let oip: OipClient;
beforeAll(async () => {
  const flags = ["--model-control", "explicit", "--load-models", "*", "--warmup-budget-ms", "20"];
  server = await startServer({ models: FILES, flags });
  oip = connectOip(server.address);
});
afterAll(async () => {
  oip?.close();
  await server?.stop();
});

const names = [...new Set(Object.keys(FILES).map((path) => path.split("/")[0]!.replace(/\.onnx$/, "")))];

test.each(names)("%s", async (name) => {
  const shown = async (): Promise<string> => {
    const { config } = await oip.ask("modelConfig", { name });
    return JSON.stringify(configToJson(config!));
  };
  const config = await shown();
  const inputs = (JSON.parse(config) as { readonly input: readonly { readonly optional: boolean }[] }).input;
  expect(inputs.some(({ optional }) => optional)).toBe(name === "padded");
  await oip.ask("repositoryModelLoad", {
    modelName: name,
    parameters: { config: { parameterChoice: { $case: "stringParam", value: config } } },
  });
  expect(JSON.parse(await shown())).toEqual(JSON.parse(config));
});
