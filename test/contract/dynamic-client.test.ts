// A client that shares no code with the server's codecs, made from the proto files alone, reads and is read.

import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type {
  ClientDuplexStream,
  ClientReadableStream,
  ClientWritableStream,
  GrpcObject,
  ServiceClientConstructor,
  ServiceError,
} from "@grpc/grpc-js";
import { credentials, loadPackageDefinition, status } from "@grpc/grpc-js";
import type { MessageTypeDefinition, PackageDefinition } from "@grpc/proto-loader";
import { loadSync } from "@grpc/proto-loader";
import { double, identity } from "../support/models.ts";
import type { TestServer } from "../support/server.ts";
import { startServer } from "../support/server.ts";

type Message = Readonly<Record<string, unknown>>;
type Callback = (error: ServiceError | null, response: Message) => void;

/** The methods of all services, in one type. */
interface DynamicService {
  predict(request: Message, done: Callback): void;
  predictStream(request: Message): ClientReadableStream<Message>;
  predictSession(): ClientDuplexStream<Message, Message>;
  predictUpload(done: Callback): ClientWritableStream<Message>;
  listModels(request: Message, done: Callback): void;
  getModel(request: Message, done: Callback): void;
  check(request: Message, done: Callback): void;
  close(): void;
}

let server: TestServer;
let definition: PackageDefinition;
let prediction: DynamicService;
let models: DynamicService;
let health: DynamicService;

beforeAll(async () => {
  definition = loadSync(
    ["predictd/v1/prediction.proto", "predictd/v1/model.proto", "grpc/health/v1/health.proto", "google/rpc/error_details.proto"],
    { includeDirs: [fileURLToPath(new URL("../../proto", import.meta.url))], longs: String, enums: String, defaults: true, oneofs: true },
  );
  server = await startServer({
    models: {
      "double.onnx": double(),
      "numbers.onnx": identity("int64", ["N", 2]),
      "words.onnx": identity("string", ["N", 2]),
      "corrupt.onnx": Buffer.from("not a model"),
    },
  });
  const packages = loadPackageDefinition(definition);
  prediction = connect(packages, "predictd.v1.PredictionService");
  models = connect(packages, "predictd.v1.ModelService");
  health = connect(packages, "grpc.health.v1.Health");
});

afterAll(async () => {
  for (const client of [prediction, models, health]) client?.close();
  await server?.stop();
});

function connect(packages: GrpcObject, service: string): DynamicService {
  const Service = service.split(".").reduce<unknown>((scope, name) => (scope as GrpcObject)[name], packages);
  return new (Service as ServiceClientConstructor)(server.address, credentials.createInsecure()) as unknown as DynamicService;
}

function answer(start: (done: Callback) => void): Promise<Message> {
  return new Promise((resolve, reject) => start((error, response) => (error ? reject(error) : resolve(response))));
}

async function failure(promise: Promise<unknown>): Promise<ServiceError> {
  return promise.then(
    () => Promise.reject(new Error("the call did not fail")),
    (error: unknown) => error as ServiceError,
  );
}

const decode = (type: string, bytes: Buffer): Message => (definition[type] as MessageTypeDefinition<object, Message>).deserialize(bytes);

/** The details of a status by the short names of their types. */
function detailsOf(source: Message): Readonly<Record<string, Message>> {
  const details = source["details"] as readonly { readonly type_url: string; readonly value: Buffer }[];
  return Object.fromEntries(
    details.map(({ type_url: url, value }) => [
      url.replace("type.googleapis.com/google.rpc.", ""),
      decode(url.slice(url.indexOf("/") + 1), value),
    ]),
  );
}

const floats = (...values: readonly number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);

const x = (rows: number, raw: Buffer): Message => ({ name: "X", dataType: "DATA_TYPE_FP32", shape: [rows, 2], raw });

const y = (rows: number, raw: Buffer): Message => ({ name: "Y", dataType: "DATA_TYPE_FP32", shape: [`${rows}`, "2"], raw, strings: [] });

const doubled = (rows: number, raw: Buffer): Message => ({ model: "double", inputs: [x(rows, raw)] });

describe("Predict", () => {
  test("every field of the answer", async () => {
    const response = await answer((done) => prediction.predict({ ...doubled(1, floats(1, 2)), requestId: "r-1" }, done));
    expect(response).toEqual({
      model: "double",
      version: "1",
      requestId: "r-1",
      outputs: [y(1, floats(2, 4))],
      timings: Object.fromEntries(
        ["route", "validate", "admit", "queue", "batch", "run", "postprocess", "total"].map((stage) => [
          `${stage}Us`,
          expect.stringMatching(/^\d+$/),
        ]),
      ),
      batchRows: 1,
    });
  });

  test("all 64 bits of integers, and text that is not ASCII", async () => {
    const raw = Buffer.from(BigInt64Array.of(2n ** 63n - 1n, -(2n ** 63n)).buffer);
    const numbers = { model: "numbers", inputs: [{ name: "X", dataType: "DATA_TYPE_INT64", shape: [1, 2], raw }] };
    expect(await answer((done) => prediction.predict(numbers, done))).toMatchObject({ outputs: [{ dataType: "DATA_TYPE_INT64", raw }] });
    const strings = ["", "Grüße 🙂"];
    const words = { model: "words", inputs: [{ name: "X", dataType: "DATA_TYPE_STRING", shape: [1, 2], strings }] };
    expect(await answer((done) => prediction.predict(words, done))).toMatchObject({ outputs: [{ strings, raw: Buffer.alloc(0) }] });
  });

  test("an error: code, message and details", async () => {
    const error = await failure(answer((done) => prediction.predict(doubled(2, floats(1, 2)), done)));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    const packed = decode("google.rpc.Status", error.metadata.get("grpc-status-details-bin")[0] as Buffer);
    expect(packed).toMatchObject({ code: status.INVALID_ARGUMENT, message: error.details });
    expect(detailsOf(packed)).toMatchObject({
      ErrorInfo: { reason: "INPUT_SIZE_MISMATCH", domain: "predictd", metadata: { stage: "validate" } },
      BadRequest: { fieldViolations: [{ field: 'inputs["X"].raw', description: expect.stringMatching(/./) }] },
    });
  });
});

test("PredictStream: chunks in row order", async () => {
  const call = prediction.predictStream({ request: doubled(3, floats(1, 2, 3, 4, 5, 6)), chunkRows: 2 });
  const chunks: unknown[] = await call.toArray();
  expect(chunks).toMatchObject([
    { response: { outputs: [y(2, floats(2, 4, 6, 8))] }, firstRow: "0", rowsDone: "2", rowsTotal: "3" },
    { response: { outputs: [y(1, floats(10, 12))] }, firstRow: "2", rowsDone: "3", rowsTotal: "3" },
  ]);
});

test("PredictSession: answers and an error in band, then OK", async () => {
  const call = prediction.predictSession();
  const ended = once(call, "status") as Promise<[{ readonly code: number }]>;
  call.write({ options: { ordered: true } });
  call.write({ predict: { id: "a", request: doubled(1, floats(1, 2)), timeoutMs: 10_000 } });
  call.write({ predict: { id: "b", request: { model: "nobody" } } });
  call.write({ cancel: { id: "nothing in flight" } });
  call.end();
  const [first, second, ...rest] = (await call.toArray()) as readonly { readonly message: string; readonly result: Message }[];
  expect(first).toMatchObject({ message: "result", result: { id: "a", outcome: "response", response: { outputs: [y(1, floats(2, 4))] } } });
  expect(second).toMatchObject({ message: "result", result: { id: "b", outcome: "error", error: { code: status.NOT_FOUND } } });
  expect(detailsOf(second!.result["error"] as Message)).toMatchObject({
    ErrorInfo: { reason: "MODEL_NOT_FOUND", domain: "predictd" },
    ResourceInfo: { resourceType: "model", resourceName: "nobody" },
  });
  expect(rest).toEqual([]);
  expect((await ended)[0].code).toBe(status.OK);
});

test("PredictUpload: header, then chunks cut anywhere", async () => {
  const raw = floats(1, 2, 3, 4);
  const response = await answer((done) => {
    const call = prediction.predictUpload(done);
    call.write({ header: { request: doubled(2, Buffer.alloc(0)), input: "X", totalBytes: raw.byteLength } });
    for (const [from, to] of [
      [0, 3],
      [3, 3],
      [3, 16],
    ]) {
      call.write({ chunk: raw.subarray(from, to) });
    }
    call.end();
  });
  expect(response).toMatchObject({ response: { outputs: [y(2, floats(2, 4, 6, 8))] } });
});

describe("ModelService", () => {
  test("ListModels: signature, batching, warm-up, and what failed", async () => {
    const { models: listed } = (await answer((done) => models.listModels({}, done))) as { models: readonly Message[] };
    expect(listed.map(({ name }) => name)).toEqual(["corrupt", "double", "numbers", "words"]);
    expect(listed[0]).toMatchObject({
      defaultVersion: "",
      versions: [{ state: "MODEL_STATE_FAILED", reason: expect.stringMatching(/./) }],
    });
    const dims = [
      { size: "-1", symbol: "N" },
      { size: "-1", symbol: "W" },
    ];
    expect(listed[1]).toMatchObject({
      required: false,
      defaultVersion: "1",
      problem: "",
      versions: [
        {
          version: "1",
          state: "MODEL_STATE_READY",
          inputs: [{ name: "X", dataType: "DATA_TYPE_FP32", dims, columns: [], labels: [] }],
          outputs: [{ name: "Y", dataType: "DATA_TYPE_FP32", dims }],
          batching: { enabled: true, source: "inferred from the model file" },
          execution: { kind: "thread", provider: "cpu" },
          statistics: { okCount: expect.stringMatching(/^\d+$/), queuedRows: "0" },
        },
      ],
    });
  });

  test("GetModel: an unknown one is NOT_FOUND", async () => {
    expect(await answer((done) => models.getModel({ name: "words", version: "1" }, done))).toMatchObject({
      model: { name: "words", versions: [{ version: "1", inputs: [{ dataType: "DATA_TYPE_STRING" }] }] },
    });
    expect((await failure(answer((done) => models.getModel({ name: "nobody" }, done)))).code).toBe(status.NOT_FOUND);
  });
});

test("Health/Check: the server, a model, and neither", async () => {
  expect(await answer((done) => health.check({ service: "" }, done))).toEqual({ status: "SERVING" });
  expect(await answer((done) => health.check({ service: "double" }, done))).toEqual({ status: "SERVING" });
  expect(await answer((done) => health.check({ service: "corrupt" }, done))).toEqual({ status: "NOT_SERVING" });
  expect((await failure(answer((done) => health.check({ service: "nobody" }, done)))).code).toBe(status.NOT_FOUND);
});
