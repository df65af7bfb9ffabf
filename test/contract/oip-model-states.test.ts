// Loading and unloading over the wire, step by step, with a backend whose loads and runs the test lets go.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { RepositoryModelLoadRequest } from "../../generated/inference/grpc_service.ts";
import type { App } from "../../src/app.ts";
import type { Backend, LoadedModel } from "../../src/engine/backend.ts";
import { ModelError } from "../../src/engine/backend.ts";
import type { Engine, EngineResult } from "../../src/engine/engine.ts";
import { startApp } from "../app/start-app.ts";
import type { Clients } from "../support/clients.ts";
import { createClients } from "../support/clients.ts";
import type { ModelFolder } from "../support/model-folder.ts";
import { createModelFolder } from "../support/model-folder.ts";
import { IDLE_ENGINE, instantResult, plainModel } from "../support/plain-model.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import type { OipClient } from "./oip-service.ts";
import { connectOip } from "./oip-service.ts";

const CONFIG = [
  'backend: "held"',
  'input { name: "X" data_type: TYPE_UINT8 dims: [1] }',
  'output { name: "Y" data_type: TYPE_UINT8 dims: [1] }',
].join("\n");

/** Holds what comes until somebody takes it, or who wants it until it comes. */
interface Queue<T> {
  put(item: T): void;
  take(): Promise<T>;
}

function createQueue<T>(): Queue<T> {
  const items: T[] = [];
  const takers: ((item: T) => void)[] = [];
  return {
    put(item) {
      const taker = takers.shift();
      if (taker === undefined) items.push(item);
      else taker(item);
    },
    take: () => new Promise((resolve) => (items.length > 0 ? resolve(items.shift()!) : takers.push(resolve))),
  };
}

interface HeldLoad {
  readonly succeed: () => void;
  readonly fail: (reason: string) => void;
}

const loads = createQueue<HeldLoad>();
/** What lets a run end. */
const runs = createQueue<() => void>();

const engine: Engine = {
  ...IDLE_ENGINE,
  submit: ({ inputs }) =>
    new Promise<EngineResult>((resolve) => {
      const outputs = inputs.map((input) => ({ ...input, name: "Y", bytes: Uint8Array.from(input.bytes) }));
      runs.put(() => resolve(instantResult(outputs)));
    }),
};

const held: Backend = {
  canBeDecoupled: true,
  explainFailure: (error) => (error as Error).message,
  load(options) {
    const { promise, resolve, reject } = Promise.withResolvers<LoadedModel>();
    loads.put({ succeed: () => resolve(plainModel(engine, options)), fail: (reason) => reject(new ModelError(reason)) });
    return promise;
  },
};

let folder: ModelFolder;
let app: App;
let oip: OipClient;
let clients: Clients;
beforeAll(async () => {
  const models = ["life", "kserve", "health", "again", "deadline", "cancel", "many"];
  folder = await createModelFolder({
    ...Object.fromEntries(models.flatMap((name) => [1, 2].map((version) => [`${name}/${version}/model.onnx`, ""]))),
    ...Object.fromEntries(models.map((name) => [`${name}/config.pbtxt`, CONFIG])),
    "stream/config.pbtxt": `${CONFIG}\nmodel_transaction_policy { decoupled: true }`,
    "stream/1/model.onnx": "",
  });
  app = await startApp({ modelDir: folder.path, modelControl: "explicit" }, { backends: new Map([["held", held]]) });
  oip = connectOip(app.grpcAddress);
  clients = createClients(app.grpcAddress);
});
afterAll(async () => {
  clients?.close();
  oip?.close();
  await app?.stop();
  await folder?.remove();
});

async function stateOf(name: string, version = "2"): Promise<readonly [state: string, reason: string]> {
  const { models } = await oip.ask("repositoryIndex");
  const found = models.find((model) => model.name === name && model.version === version);
  return [found!.state, found!.reason];
}

const isReady = async (name: string): Promise<boolean> => (await oip.ask("modelReady", { name })).ready;

const infer = (modelName: string) => ({
  modelName,
  inputs: [{ name: "X", datatype: "UINT8", shape: [1n], parameters: {}, contents: undefined }],
  rawInputContents: [Uint8Array.of(7)],
});

async function load(modelName: string): Promise<void> {
  const loaded = oip.ask("repositoryModelLoad", { modelName });
  (await loads.take()).succeed();
  await loaded;
}

/** Resolves when a model's default version is, or is no longer, this one. */
function whenDefaultIs(name: string, version: string): Promise<void> {
  return new Promise((resolve) => {
    const stop = app.onModelChange((model) => {
      if (model.name !== name || model.defaultVersion !== version) return;
      stop();
      resolve();
    });
  });
}

test("16. LOADING, READY, UNLOADING, UNAVAILABLE; ready in between, and only there", async () => {
  expect(await stateOf("life")).toEqual(["UNAVAILABLE", "not loaded"]);
  expect(await isReady("life")).toBe(false);

  const loaded = oip.ask("repositoryModelLoad", { modelName: "life" });
  const { succeed } = await loads.take();
  expect(await stateOf("life")).toEqual(["LOADING", ""]);
  expect(await isReady("life")).toBe(false);
  expect(await oip.refusal("modelInfer", infer("life"))).toMatchObject({ code: "UNAVAILABLE", metadata: { state: "loading" } });
  succeed();
  expect(await loaded).toEqual({});
  expect(await stateOf("life")).toEqual(["READY", ""]);
  expect(await isReady("life")).toBe(true);

  const answered = oip.ask("modelInfer", infer("life"));
  const release = await runs.take();
  const draining = whenDefaultIs("life", "");
  const unloaded = oip.ask("repositoryModelUnload", { modelName: "life" });
  await draining;
  expect(await stateOf("life")).toEqual(["UNLOADING", "unloaded"]);
  expect(await isReady("life")).toBe(false);
  expect(await oip.refusal("modelInfer", infer("life"))).toMatchObject({ code: "UNAVAILABLE", reason: "MODEL_NOT_READY" });
  release();
  expect(await answered).toMatchObject({ modelName: "life", modelVersion: "2", rawOutputContents: [Uint8Array.of(7)] });
  expect(await unloaded).toEqual({});
  expect(await stateOf("life")).toEqual(["UNAVAILABLE", "unloaded"]);
  expect(await isReady("life")).toBe(false);
  expect(await oip.ask("serverReady")).toEqual({ ready: true });
});

test("17. with only the first field set, as KServe's clients have it, that model is loaded and unloaded", async () => {
  const loaded = oip.ask("repositoryModelLoad", { repositoryName: "kserve" });
  (await loads.take()).succeed();
  await loaded;
  expect(await isReady("kserve")).toBe(true);
  await oip.ask("repositoryModelUnload", { repositoryName: "kserve" });
  expect(await isReady("kserve")).toBe(false);
});

test("26. a model's health follows its loads and unloads", async () => {
  expect(await clients.check("health")).not.toBe("SERVING");
  const loaded = oip.ask("repositoryModelLoad", { modelName: "health" });
  const { succeed } = await loads.take();
  expect(await clients.check("health")).toBe("NOT_SERVING");
  const serving = clients.waitForServing("health");
  succeed();
  await Promise.all([loaded, serving]);
  await oip.ask("repositoryModelUnload", { modelName: "health", parameters: { unload_dependents: bool(true) } });
  expect(await clients.check("health")).toBe("NOT_SERVING");
  expect(await clients.check("")).toBe("SERVING");
});

describe("a model that is changing", () => {
  const changing = { code: "ABORTED", reason: "MODEL_CHANGING", resource: { type: "model", name: "many" } };
  const preconditions = [expect.objectContaining({ type: "MODEL_CHANGING", subject: "many" })];

  test("is left alone by other loads and unloads", async () => {
    const loaded = oip.ask("repositoryModelLoad", { modelName: "many" });
    const { succeed } = await loads.take();
    for (const method of ["repositoryModelLoad", "repositoryModelUnload"] as const) {
      const refusal = await oip.refusal(method, { modelName: "many" });
      expect(refusal).toMatchObject({ ...changing, preconditions });
      expect(refusal.retryDelayMs).toBeGreaterThan(0);
    }
    succeed();
    await loaded;
    expect(await isReady("many")).toBe(true);
  });
});

describe("loading again", () => {
  test("what served goes on while the new one loads, and when that fails", async () => {
    await load("again");
    const config = JSON.stringify({
      backend: "held",
      max_batch_size: 0,
      input: [{ name: "X", data_type: "TYPE_UINT8", dims: ["1"] }],
      output: [{ name: "Y", data_type: "TYPE_UINT8", dims: ["1"] }],
      version_policy: { specific: { versions: [2] } },
    });
    const request = { modelName: "again", parameters: { config: text(config) } };
    const refused = oip.refusal("repositoryModelLoad", request);
    const { fail } = await loads.take();
    expect(await stateOf("again")).toEqual(["READY", ""]);
    const answered = oip.ask("modelInfer", infer("again"));
    (await runs.take())();
    await answered;
    fail("it is broken");
    expect(await refused).toMatchObject({
      code: "FAILED_PRECONDITION",
      reason: "MODEL_LOAD_FAILED",
      message: expect.stringContaining("it is broken"),
      preconditions: [{ type: "MODEL_LOAD_FAILED", subject: "again", description: expect.stringContaining("it is broken") }],
    });
    expect(await stateOf("again")).toEqual(["READY", expect.stringContaining("it is broken")]);
    const after = oip.ask("modelInfer", infer("again"));
    (await runs.take())();
    expect(await after).toMatchObject({ modelVersion: "2" });
  });

  test("one that never served shows why", async () => {
    const refused = oip.refusal("repositoryModelLoad", { modelName: "deadline" });
    (await loads.take()).fail("no memory");
    expect(await refused).toMatchObject({ reason: "MODEL_LOAD_FAILED" });
    expect(await stateOf("deadline")).toEqual(["UNAVAILABLE", "no memory"]);
  });
});

describe("who does not wait for the end of a load", () => {
  test("a deadline is answered at once, and the load goes on", async () => {
    // grpc-js would give up by itself; this client enforces nothing.
    const connection = connectRaw(app.grpcAddress);
    const body = frame(RepositoryModelLoadRequest.encode({ repositoryName: "", modelName: "deadline", parameters: {} }).finish());
    const path = "/inference.GRPCInferenceService/RepositoryModelLoad";
    const { answer } = connection.call(path, { body, headers: { "grpc-timeout": "100m" } });
    const { succeed } = await loads.take();
    expect((await answer).status).toMatchObject({ code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED" });
    connection.close();
    const ready = whenDefaultIs("deadline", "2");
    succeed();
    await ready;
    expect(await isReady("deadline")).toBe(true);
  });

  test("a caller that leaves stops nothing", async () => {
    const leave = new AbortController();
    const refused = oip.refusal("repositoryModelLoad", { modelName: "cancel" }, { signal: leave.signal });
    const { succeed } = await loads.take();
    leave.abort();
    expect(await refused).toMatchObject({ code: "CANCELLED" });
    const ready = whenDefaultIs("cancel", "2");
    succeed();
    await ready;
    expect(await isReady("cancel")).toBe(true);
  });
});

test("9. decoupled is true for models that answer any number of times", async () => {
  await load("stream");

  expect((await oip.ask("modelConfig", { name: "stream" })).config).toMatchObject({ modelTransactionPolicy: { decoupled: true } });
  expect((await oip.ask("modelConfig", { name: "many" })).config).toMatchObject({ modelTransactionPolicy: { decoupled: false } });
});

test("ServerMetadata names the repository's extension, and a backend of another kind its own name as the platform", async () => {
  expect((await oip.ask("serverMetadata")).extensions).toContain("model_repository");
  expect(await oip.ask("modelMetadata", { name: "many" })).toMatchObject({
    platform: "held",
    inputs: [{ name: "X", datatype: "UINT8", shape: [1n] }],
  });
});

test("the log of a program that keeps it to itself has no settings", async () => {
  expect(await oip.refusal("logSettings")).toMatchObject({ code: "UNIMPLEMENTED", reason: "METHOD_OFF" });
  expect((await oip.ask("serverMetadata")).extensions).not.toContain("logging");
});

function bool(value: boolean) {
  return { parameterChoice: { $case: "boolParam" as const, value } };
}

function text(value: string) {
  return { parameterChoice: { $case: "stringParam" as const, value } };
}
