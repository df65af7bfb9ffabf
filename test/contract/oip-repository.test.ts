// Loading, overriding and unloading real models over the wire, and what a call must never be able to do with files.

import { watch } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { RepositoryModelLoadRequest } from "../../generated/inference/grpc_service.ts";
import type { ModelRepositoryParameter } from "../../generated/inference/grpc_service.ts";
import { request } from "../support/clients.ts";
import { double, identity, slow } from "../support/models.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import type { TestServer } from "../support/server.ts";
import { startServer } from "../support/server.ts";
import { floatsOf, fp32 } from "../support/wire-tensors.ts";
import type { OipClient } from "./oip-service.ts";
import { connectOip } from "./oip-service.ts";

const MAX_TRAILER_BYTES = 8 * 1024;

let temporary: string;
let server: TestServer;
let oip: OipClient;
beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), "predictd-test-"));
  server = await startServer({
    models: {
      "double/1/model.onnx": double(),
      "double/model.yaml": "description: Twice as much.\nmaxBatchSize: 8\n",
      "busy/1/model.onnx": double(),
      "slow/1/model.onnx": slow(),
      "corrupt/1/model.onnx": "not a model",
      "linked/model.yaml": "description: Its version lies elsewhere.\n",
    },
    flags: ["--model-control", "explicit", "--load-models", "double,busy"],
    env: { TMPDIR: temporary },
  });
  oip = connectOip(server.address);
});
afterAll(async () => {
  oip?.close();
  await server?.stop();
  await rm(temporary, { recursive: true, force: true });
});

type Parameters = Readonly<Record<string, ModelRepositoryParameter>>;

const text = (value: string): ModelRepositoryParameter => ({ parameterChoice: { $case: "stringParam", value } });
const bytes = (value: Uint8Array): ModelRepositoryParameter => ({ parameterChoice: { $case: "bytesParam", value } });
const flag = (value: boolean): ModelRepositoryParameter => ({ parameterChoice: { $case: "boolParam", value } });
const config = (more: object): ModelRepositoryParameter => text(JSON.stringify({ backend: "onnxruntime", max_batch_size: 8, ...more }));

const load = (modelName: string, parameters: Parameters = {}) =>
  oip.ask("repositoryModelLoad", { modelName, parameters: { ...parameters } });
const refusedLoad = (modelName: string, parameters: Parameters = {}) =>
  oip.refusal("repositoryModelLoad", { modelName, parameters: { ...parameters } });

/** What `double` makes of 1 and 2. */
async function predict(model = "double"): Promise<readonly number[] | string> {
  const { response, failure } = await server.predict(request(model, [fp32("X", [1, 2], [1, 2])]));
  return response === undefined ? failure!.reason : floatsOf(response.outputs[0]);
}

async function maxBatchSizeOf(name: string): Promise<number | undefined> {
  return (await oip.ask("modelConfig", { name })).config?.maxBatchSize;
}

/** Resolves when a folder is empty: files of a call are removed when the version made from them is freed, which nobody waits for. */
function whenEmpty(path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = (): void => void readdir(path).then((names) => names.length === 0 && resolve(), reject);
  const watcher = watch(path, look);
  look();
  return promise.finally(() => watcher.close());
}

/** Every file below the folders. */
async function filesBelow(...folders: readonly string[]): Promise<readonly string[]> {
  const lists = await Promise.all(folders.map((path) => readdir(path, { recursive: true })));
  return lists.flat().toSorted();
}

describe("RepositoryIndex", () => {
  test("16. every model of the folder, loaded or not, and those that are ready", async () => {
    const { models } = await oip.ask("repositoryIndex");

    expect(models).toContainEqual({ name: "double", version: "1", state: "READY", reason: expect.any(String) });
    expect(models).toContainEqual({ name: "slow", version: "1", state: "UNAVAILABLE", reason: "not loaded" });
    expect(models.map(({ name }) => name)).toEqual(["busy", "corrupt", "double", "linked", "slow"]);
    const ready = await oip.ask("repositoryIndex", { ready: true });
    expect(ready.models.map(({ name, state }) => [name, state])).toEqual([
      ["busy", "READY"],
      ["double", "READY"],
    ]);
  });

  test("models that come and go show at the next look", async () => {
    const names = async () => (await oip.ask("repositoryIndex")).models.map(({ name }) => name);
    await mkdir(join(server.modelDir, "late/1"), { recursive: true });
    await writeFile(join(server.modelDir, "late/1/model.onnx"), double());
    expect(await names()).toContain("late");
    await load("late");
    expect(await predict("late")).toEqual([2, 4]);
    await oip.ask("repositoryModelUnload", { modelName: "late" });
    await rm(join(server.modelDir, "late"), { recursive: true });
    expect(await names()).not.toContain("late");
    expect(await oip.refusal("modelMetadata", { name: "late" })).toMatchObject({ reason: "MODEL_NOT_FOUND" });
  });

  test("a repository's name is refused", async () => {
    expect(await oip.refusal("repositoryIndex", { repositoryName: "models" })).toMatchObject({
      code: "UNIMPLEMENTED",
      message: "'repository_name' specification is not supported",
      violations: [{ field: "repository_name" }],
    });
  });
});

describe("RepositoryModelLoad and RepositoryModelUnload", () => {
  test("16. a configuration of the call acts until the model is loaded again", async () => {
    expect(await maxBatchSizeOf("double")).toBe(8);
    await load("double", { config: config({ max_batch_size: 2 }) });
    expect(await maxBatchSizeOf("double")).toBe(2);
    expect(await predict()).toEqual([2, 4]);
    await load("double");
    expect(await maxBatchSizeOf("double")).toBe(8);
  });

  test("16. files of the call act until then too, and the folder keeps its own", async () => {
    const before = await filesBelow(server.modelDir);
    await load("double", { config: config({}), "file:1/model.onnx": bytes(identity("float", ["N", "W"])) });
    expect(await predict()).toEqual([1, 2]);
    expect(await filesBelow(server.modelDir)).toEqual(before);
    expect(await readFile(join(server.modelDir, "double/1/model.onnx"))).toEqual(Buffer.from(double()));
    await load("double");
    expect(await predict()).toEqual([2, 4]);
    await whenEmpty(temporary);
  });

  test("files may be a version, or a model, that the folder does not have", async () => {
    const file = bytes(identity("float", ["N", "W"]));
    await load("double", { config: config({ version_policy: { all: {} } }), "file:7/model.onnx": file });
    expect(await oip.ask("modelMetadata", { name: "double" })).toMatchObject({ versions: ["7"] });
    await load("double");
    expect(await oip.ask("modelMetadata", { name: "double" })).toMatchObject({ versions: ["1"] });

    await load("guest", { config: config({}), "file:1/model.onnx": file });
    expect(await predict("guest")).toEqual([1, 2]);
    await oip.ask("repositoryModelUnload", { modelName: "guest" });
    expect(await oip.ask("modelReady", { name: "guest" })).toEqual({ ready: false });
    await whenEmpty(temporary);
  });

  test("a model that is unloaded is unavailable, and can be loaded again", async () => {
    await oip.ask("repositoryModelUnload", { modelName: "double", parameters: { unload_dependents: flag(true) } });
    expect(await predict()).toBe("MODEL_NOT_READY");
    expect(await oip.refusal("modelMetadata", { name: "double" })).toMatchObject({ code: "UNAVAILABLE", metadata: { state: "unloaded" } });
    expect(await server.check("double")).toBe("NOT_SERVING");
    expect(await oip.ask("serverReady")).toEqual({ ready: true });
    await load("double");
    expect(await server.check("double")).toBe("SERVING");
    expect(await predict()).toEqual([2, 4]);
  });

  test("loads of a model under traffic lose no request", async () => {
    const loading = new AbortController();
    const caller = async (): Promise<readonly (readonly number[] | string)[]> => {
      const answers: (readonly number[] | string)[] = [];
      while (!loading.signal.aborted) answers.push(await predict("busy"));
      return answers;
    };
    const callers = Array.from({ length: 8 }, caller);
    for (const size of [4, 2, 8, 1, 8]) await load("busy", { config: config({ max_batch_size: size }) });
    loading.abort();
    const answers = (await Promise.all(callers)).flat();

    expect(answers.length).toBeGreaterThan(20);
    expect(answers.filter((answer) => String(answer) !== "2,4")).toEqual([]);
  });

  test.each([
    ["a file that is no model", { config: config({}), "file:1/model.onnx": bytes(Buffer.from("not a model")) }],
    [
      "an input that the file does not have",
      { config: config({ max_batch_size: 0, input: [{ name: "Z", data_type: "TYPE_FP32", dims: ["-1", "-1"] }] }) },
    ],
    ["a backend that this server does not have", { config: config({ backend: "tensorrt" }) }],
    ["a version that the folder does not have", { config: config({ version_policy: { specific: { versions: ["9"] } } }) }],
    ["a model that answers more than once", { config: config({ model_transaction_policy: { decoupled: true } }) }],
  ])("%s: what served before still serves", async (_what, parameters) => {
    const refusal = await refusedLoad("double", parameters);

    expect(refusal).toMatchObject({ code: "FAILED_PRECONDITION", reason: "MODEL_LOAD_FAILED", domain: "predictd" });
    expect(refusal.preconditions).toMatchObject([{ type: "MODEL_LOAD_FAILED", subject: "double" }]);
    expect(refusal.message).not.toContain(temporary);
    expect(await predict()).toEqual([2, 4]);
    expect(await maxBatchSizeOf("double")).toBe(8);
    expect(await filesBelow(temporary)).toEqual([]);
  });

  test("a model that is broken from the start is refused with the reason, and shown with it", async () => {
    expect(await refusedLoad("corrupt")).toMatchObject({ code: "FAILED_PRECONDITION", reason: "MODEL_LOAD_FAILED" });
    const { models } = await oip.ask("repositoryIndex");

    expect(models).toContainEqual({ name: "corrupt", version: "1", state: "UNAVAILABLE", reason: expect.stringMatching(/./) });
  });

  test.each([
    ["no JSON", { config: text("{") }, "CONFIG_INVALID", 'parameters["config"]'],
    ["nothing", { config: text("") }, "CONFIG_INVALID", 'parameters["config"]'],
    ["an unknown field", { config: config({ colour: "red" }) }, "CONFIG_INVALID", 'parameters["config"]'],
    ["a list", { config: text("[]") }, "CONFIG_INVALID", 'parameters["config"]'],
    ["a configuration that is not text", { config: bytes(Buffer.from("{}")) }, "PARAMETER_INVALID", 'parameters["config"]'],
    ["a file that is text", { config: config({}), "file:1/model.onnx": text("") }, "PARAMETER_INVALID", 'parameters["file:1/model.onnx"]'],
    ["a file alone", { "file:1/model.onnx": bytes(double()) }, "FILE_INVALID", 'parameters["config"]'],
    ["an unknown parameter", { colour: text("red") }, "PARAMETER_INVALID", 'parameters["colour"]'],
    ["one without a value", { config: { parameterChoice: undefined } }, "PARAMETER_INVALID", 'parameters["config"]'],
  ])("%s is refused by name", async (_what, parameters, reason, field) => {
    const refusal = await refusedLoad("double", parameters);

    expect(refusal).toMatchObject({ code: "INVALID_ARGUMENT", reason, violations: [{ field }] });
    expect(await predict()).toEqual([2, 4]);
  });

  test.each([
    ["an unknown parameter", { colour: flag(true) }],
    ["a wrong type", { unload_dependents: text("true") }],
  ])("an unload with %s is refused, and unloads nothing", async (_what, parameters) => {
    expect(await oip.refusal("repositoryModelUnload", { modelName: "double", parameters })).toMatchObject({
      code: "INVALID_ARGUMENT",
      reason: "PARAMETER_INVALID",
      violations: [{ field: `parameters["${Object.keys(parameters)[0]}"]` }],
    });
    expect(await predict()).toEqual([2, 4]);
  });

  test.each(["nobody", "", "../double", "double/1", "double\0", ".", "..", "__proto__", "n".repeat(60_000)])(
    "there is no model %j",
    async (name) => {
      for (const method of ["repositoryModelLoad", "repositoryModelUnload"] as const) {
        expect(await oip.refusal(method, { modelName: name })).toMatchObject({ code: "NOT_FOUND", reason: "MODEL_NOT_FOUND" });
      }
      const files = { config: config({}), "file:1/model.onnx": bytes(double()) };
      if (name !== "nobody" && name !== "__proto__") expect(await refusedLoad(name, files)).toMatchObject({ code: "NOT_FOUND" });
      expect(await filesBelow(temporary)).toEqual([]);
    },
  );

  test("a repository's name beside the model's is refused", async () => {
    for (const method of ["repositoryModelLoad", "repositoryModelUnload"] as const) {
      expect(await oip.refusal(method, { repositoryName: "models", modelName: "double" })).toMatchObject({
        code: "UNIMPLEMENTED",
        message: "'repository_name' specification is not supported",
      });
    }
    expect(await predict()).toEqual([2, 4]);
  });
});

test("a server that ends leaves no files of calls", async () => {
  const own = await mkdtemp(join(tmpdir(), "predictd-test-"));
  const flags = ["--model-control", "explicit", "--load-models", "*"];
  const other = await startServer({ models: { "double.onnx": double() }, flags, env: { TMPDIR: own } });
  const client = connectOip(other.address);
  const parameters = { config: config({}), "file:1/model.onnx": bytes(double()) };
  try {
    await client.ask("repositoryModelLoad", { modelName: "double", parameters });
    expect(await readdir(own)).toHaveLength(1);
  } finally {
    client.close();
    await other.stop();
  }
  expect(await readdir(own)).toEqual([]);
  await rm(own, { recursive: true });
});

describe("18. files stay inside the model's folder", () => {
  test.each([
    "../escaped.onnx",
    "../../escaped.onnx",
    "1/../../escaped.onnx",
    "1/../model.onnx",
    "1/..",
    "/etc/escaped.onnx",
    "/1/model.onnx",
    "1/model.onnx\0.txt",
    "\0",
    "1\\model.onnx",
    "1\\..\\..\\escaped.onnx",
    "1/.escaped",
    "1//model.onnx",
    "1/",
    "1",
    "",
    "01/model.onnx",
    "latest/model.onnx",
    "config.pbtxt",
    "model.yaml",
    `1/${"n".repeat(60_000)}`,
  ])("%j is FILE_INVALID and writes nothing", async (path) => {
    const folders = [join(server.modelDir, ".."), temporary];
    const before = await filesBelow(...folders);
    const refusal = await refusedLoad("double", { config: config({}), [`file:${path}`]: bytes(identity("float", ["N", "W"])) });

    expect(refusal).toMatchObject({ code: "INVALID_ARGUMENT", reason: "FILE_INVALID" });
    expect(refusal.violations[0]?.field).toMatch(/^parameters\["file:/);
    expect(await filesBelow(...folders)).toEqual(before);
    expect(await predict()).toEqual([2, 4]);
  });

  test("two files of which one would be the folder of the other", async () => {
    const both = { "file:1/model.onnx": bytes(double()), "file:1/model.onnx/weights": bytes(double()) };

    expect(await refusedLoad("double", { config: config({}), ...both })).toMatchObject({ reason: "FILE_INVALID" });
    expect(await filesBelow(temporary)).toEqual([]);
  });

  test("a version that is a link to somewhere else is not written through", async () => {
    const outside = join(server.modelDir, "../outside");
    await mkdir(outside);
    await writeFile(join(outside, "model.onnx"), "untouched");
    await symlink(outside, join(server.modelDir, "linked/1"));
    await load("linked", { config: config({}), "file:1/model.onnx": bytes(double()), "file:1/more.bin": bytes(Buffer.from("more")) });

    expect(await predict("linked")).toEqual([2, 4]);
    expect(await readdir(outside)).toEqual(["model.onnx"]);
    expect(await readFile(join(outside, "model.onnx"), "utf8")).toBe("untouched");
    await oip.ask("repositoryModelUnload", { modelName: "linked" });
  });
});

test("35. a refusal stays small, however long its reason", async () => {
  const inputs = Array.from({ length: 200 }, (_, i) => ({ name: `入力${"é".repeat(100)}${i}`, data_type: "TYPE_FP32", dims: ["1"] }));
  const requests = [
    { modelName: "double", parameters: { config: config({ input: inputs }) } },
    { modelName: "double", parameters: { config: text(`{"${"é\\n".repeat(20_000)}": 1}`) } },
    { modelName: "日本".repeat(20_000), parameters: {} },
    { modelName: "double", parameters: { ["é".repeat(20_000)]: text("") } },
  ];
  const connection = connectRaw(server.address);
  const path = "/inference.GRPCInferenceService/RepositoryModelLoad";
  for (const message of requests) {
    const body = frame(RepositoryModelLoadRequest.encode({ repositoryName: "", ...message }).finish());
    const { trailers, trailersOnly, status } = await connection.call(path, { body }).answer;

    expect(status.reason).not.toBe("");
    expect(trailersOnly).toBe(true);
    const size = Object.entries(trailers).reduce((sum, [name, value]) => sum + name.length + String(value).length, 0);
    expect(size).toBeLessThan(MAX_TRAILER_BYTES);
  }
  connection.close();
});
