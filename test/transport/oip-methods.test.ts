// Every method of inference.GRPCInferenceService but inference itself: what it answers, and how it refuses what it cannot take.

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createServerApi } from "../../src/api/server-api.ts";
import { createTracer } from "../../src/telemetry/tracer.ts";
import { silentLogger } from "../../src/telemetry/logger.ts";
import type { OipClient, OipMethod } from "../contract/oip-service.ts";
import { connectOip, UNARY_PATHS } from "../contract/oip-service.ts";
import { double, identity, sumOverRows } from "../support/models.ts";
import type { RawConnection } from "../support/raw-h2.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import type { TestServer } from "../support/server.ts";
import { startServer } from "../support/server.ts";

const MAX_TRAILER_BYTES = 8 * 1024;

/** Methods that first have to know which model is meant, and have no answer about one that does not serve. */
const OF_A_MODEL = ["modelMetadata", "modelConfig"] as const satisfies readonly OipMethod[];

let server: TestServer;
let oip: OipClient;
let raw: RawConnection;
beforeAll(async () => {
  server = await startServer({
    models: {
      "double/1/model.onnx": double(),
      "double/12/model.onnx": double(),
      "double/3/model.onnx": double(),
      "words.onnx": identity("string", ["N", 2]),
      "alone.onnx": sumOverRows(),
      "corrupt.onnx": "not a model",
    },
  });
  oip = connectOip(server.address);
  raw = connectRaw(server.address);
});
afterAll(async () => {
  raw?.close();
  oip?.close();
  await server?.stop();
});

describe("every method with one message in", () => {
  test("there are nineteen of them", () => expect(UNARY_PATHS).toHaveLength(19));

  describe.each(UNARY_PATHS)("%s", (path) => {
    test.each([
      ["an unfinished field", [0x0a, 0x7f, 0x61]],
      ["a varint without end", Array<number>(11).fill(0xff)],
    ])("%s is not a message", async (_what, bytes) => {
      const { status, trailersOnly } = await raw.call(path, { body: frame(Uint8Array.from(bytes)) }).answer;

      expect(status).toMatchObject({ code: "INVALID_ARGUMENT", reason: "MESSAGE_MALFORMED" });
      expect(trailersOnly).toBe(true);
    });

    test("no message at all", async () => {
      const { status } = await raw.call(path, { end: true }).answer;

      expect(status).toMatchObject({ code: "INVALID_ARGUMENT", reason: "MESSAGE_MISSING" });
    });

    test("two messages", async () => {
      const { status } = await raw.call(path, { body: Buffer.concat([frame(new Uint8Array(0)), frame(new Uint8Array(0))]) }).answer;

      expect(status).toMatchObject({ code: "INVALID_ARGUMENT", reason: "MESSAGE_UNEXPECTED" });
    });
  });
});

describe("ServerLive, ServerReady", () => {
  test("both are true while it serves", async () => {
    expect(await oip.ask("serverLive")).toEqual({ live: true });
    expect(await oip.ask("serverReady")).toEqual({ ready: true });
  });

  test("a server whose required model cannot be loaded is live and not ready", async () => {
    const models = { "must/model.onnx": "not a model", "must/model.yaml": "required: true\n" };
    const waiting = await startServer({ models, waitForServing: false });
    const client = connectOip(waiting.address);
    try {
      expect(await client.ask("serverLive")).toEqual({ live: true });
      expect(await client.ask("serverReady")).toEqual({ ready: false });
      expect(await client.ask("modelReady", { name: "must" })).toEqual({ ready: false });
    } finally {
      client.close();
      await waiting.stop();
    }
  });
});

describe("ServerMetadata", () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
  const extensions = [
    "classification",
    "schedule_policy",
    "model_configuration",
    "binary_tensor_data",
    "parameters",
    "statistics",
    "trace",
    "logging",
  ];

  test("names what acts, and nothing else", async () => {
    expect(await oip.ask("serverMetadata")).toEqual({ name: "predictd", version, extensions });
  });

  test("without log settings logging is not named, and LogSettings refuses", () => {
    const api = createServerApi({
      health: { get: () => "serving" },
      models: {
        get: () => {
          throw new Error("nobody asks for a model");
        },
      },
      repository: { enabled: false },
      tracer: createTracer({ traceFile: "", logger: silentLogger() }),
      logControl: undefined,
    });

    expect(api.metadata.extensions).not.toContain("logging");
    expect(() => api.logSettings([])).toThrow(expect.objectContaining({ reason: "METHOD_OFF" }));
  });
});

describe("ModelReady", () => {
  test.each([
    ["double", "", true],
    ["double", "12", true],
    ["double", "2", false],
    ["double", "012", false],
    ["double", "latest", false],
    ["corrupt", "", false],
    ["corrupt", "1", false],
    ["nobody", "", false],
    ["", "", false],
    ["__proto__", "constructor", false],
    ["../double", "", false],
  ])("7. %j %j is %s", async (name, version, ready) => {
    expect(await oip.ask("modelReady", { name, version })).toEqual({ ready });
  });
});

describe("ModelMetadata", () => {
  test("8. a leading -1 where the model has rows, versions in rising order", async () => {
    expect(await oip.ask("modelMetadata", { name: "double" })).toEqual({
      name: "double",
      versions: ["1", "3", "12"],
      platform: "onnxruntime_onnx",
      inputs: [{ name: "X", datatype: "FP32", shape: [-1n, -1n] }],
      outputs: [{ name: "Y", datatype: "FP32", shape: [-1n, -1n] }],
      properties: {},
    });
    expect((await oip.ask("modelConfig", { name: "double" })).config).toMatchObject({
      input: [{ dims: [-1n] }],
      output: [{ dims: [-1n] }],
    });
  });

  test("8. the shape of the file where it has none", async () => {
    const { config } = await oip.ask("modelConfig", { name: "alone" });
    const { inputs, outputs } = await oip.ask("modelMetadata", { name: "alone" });

    expect(config).toMatchObject({ maxBatchSize: 0, input: [{ dims: [-1n, 4n] }], output: [{ dims: [1n, 4n] }] });
    expect(inputs).toEqual([{ name: "X", datatype: "FP32", shape: [-1n, 4n] }]);
    expect(outputs).toEqual([{ name: "Y", datatype: "FP32", shape: [1n, 4n] }]);
  });

  test("one version, when one is asked for", async () => {
    expect(await oip.ask("modelMetadata", { name: "double", version: "3" })).toMatchObject({ name: "double", versions: ["3"] });
  });

  test("text is called BYTES", async () => {
    const { inputs, outputs } = await oip.ask("modelMetadata", { name: "words" });

    expect([...inputs, ...outputs].map(({ datatype }) => datatype)).toEqual(["BYTES", "BYTES"]);
  });
});

describe("ModelConfig", () => {
  test("9. rows, dims without them, dynamic_batching exactly where requests share runs", async () => {
    const [batched, alone] = await Promise.all(["double", "alone"].map((name) => oip.ask("modelConfig", { name })));

    expect(batched?.config).toMatchObject({
      name: "double",
      platform: "onnxruntime_onnx",
      backend: "onnxruntime",
      input: [{ name: "X", dims: [-1n] }],
      schedulingChoice: { $case: "dynamicBatching" },
      modelTransactionPolicy: { decoupled: false },
    });
    expect(batched?.config?.maxBatchSize).toBeGreaterThan(0);
    expect(alone?.config).toMatchObject({ name: "alone", maxBatchSize: 0, schedulingChoice: undefined });
  });
});

describe.each(OF_A_MODEL)("%s of a model that does not answer", (method) => {
  test.each([
    ["nobody", "", "MODEL_NOT_FOUND", "model", "nobody"],
    ["", "", "MODEL_NOT_FOUND", "model", ""],
    ["double", "2", "VERSION_NOT_FOUND", "model version", "double/2"],
  ])("7. %j %j is %s", async (name, version, reason, type, resource) => {
    expect(await oip.refusal(method, { name, version })).toMatchObject({
      code: "NOT_FOUND",
      reason,
      resource: { type, name: resource },
      preconditions: [],
    });
  });

  test("one that could not be loaded is UNAVAILABLE, for now", async () => {
    const { preconditions, ...refusal } = await oip.refusal(method, { name: "corrupt" });

    expect(refusal).toMatchObject({ code: "UNAVAILABLE", reason: "MODEL_NOT_READY", metadata: { state: "failed" } });
    expect(refusal.retryDelayMs).toBeGreaterThan(0);
    expect(preconditions).toEqual([expect.objectContaining({ type: "MODEL_NOT_READY", description: refusal.message.slice(0, 200) })]);
  });

  test("a name of 60,000 letters leaves small trailers", async () => {
    const body = Buffer.from([0x0a, 0xe0, 0xd4, 0x03, ...Buffer.alloc(60_000, "n")]);
    const path = `/inference.GRPCInferenceService/M${method.slice(1)}`;
    const { status, trailers } = await raw.call(path, { body: frame(body) }).answer;

    expect(status.reason).toBe("MODEL_NOT_FOUND");
    const bytes = Object.entries(trailers).reduce((sum, [name, value]) => sum + name.length + String(value).length, 0);
    expect(bytes).toBeLessThan(MAX_TRAILER_BYTES);
  });
});

describe("ModelInfer", () => {
  const x = { name: "X", datatype: "FP32", shape: [1n, 2n], parameters: {}, contents: undefined };
  const two = { inputs: [x], rawInputContents: [new Uint8Array(Float32Array.of(1, 2).buffer)] };

  test("6. the id comes back, and an empty version is the policy's choice, by its number", async () => {
    const answer = { modelName: "double", modelVersion: "12", id: "order 66" };

    expect(await oip.ask("modelInfer", { ...two, modelName: "double", id: "order 66" })).toMatchObject(answer);
    expect(await oip.ask("modelInfer", { ...two, modelName: "double", modelVersion: "3" })).toMatchObject({ modelVersion: "3", id: "" });
  });

  test.each([
    ["nobody", ""],
    ["double", "2"],
  ])("7. %j %j is NOT_FOUND", async (modelName, modelVersion) => {
    expect(await oip.refusal("modelInfer", { ...two, modelName, modelVersion })).toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringMatching(/^Request for unknown model: .+ is not found$/),
    });
  });
});

describe("19. shared memory", () => {
  test.each(["systemSharedMemoryStatus", "cudaSharedMemoryStatus"] as const)("%s shows none, with or without a name", async (method) => {
    expect(await oip.ask(method)).toEqual({ regions: {} });
    expect(await oip.ask(method, { name: "region" })).toEqual({ regions: {} });
  });

  test.each([
    "systemSharedMemoryRegister",
    "systemSharedMemoryUnregister",
    "cudaSharedMemoryRegister",
    "cudaSharedMemoryUnregister",
  ] as const)("%s is refused", async (method) => {
    expect(await oip.refusal(method, { name: "region" })).toMatchObject({
      code: "UNIMPLEMENTED",
      reason: "METHOD_OFF",
      message: "shared memory is not supported",
    });
  });

  test("neither extension is reported", async () => {
    const { extensions } = await oip.ask("serverMetadata");

    expect(extensions.filter((name) => name.includes("shared_memory"))).toEqual([]);
  });
});

describe("while modelControl is none", () => {
  test.each([
    ["repositoryIndex", {}],
    ["repositoryIndex", { repositoryName: "models" }],
    ["repositoryModelLoad", { modelName: "double" }],
    ["repositoryModelLoad", { modelName: "nobody" }],
    ["repositoryModelLoad", { repositoryName: "models", modelName: "double", parameters: { colour: { parameterChoice: undefined } } }],
    ["repositoryModelUnload", { modelName: "double" }],
    ["repositoryModelUnload", { modelName: "" }],
  ] as const)("%s %j is refused with the setting's name", async (method, request) => {
    expect(await oip.refusal(method, request)).toMatchObject({
      code: "UNIMPLEMENTED",
      reason: "METHOD_OFF",
      metadata: { setting: "modelControl" },
      message: expect.stringContaining("modelControl"),
    });
    expect(await oip.ask("modelReady", { name: "double" })).toEqual({ ready: true });
  });
});

test("26. Health knows the service, and every model", async () => {
  expect(await server.check("inference.GRPCInferenceService")).toBe("SERVING");
  expect(await server.check("double")).toBe("SERVING");
  expect(await server.check("corrupt")).toBe("NOT_SERVING");
  expect(await server.check("nobody")).toBe("NOT_FOUND");
});
