// Every kind of refusal is told the same by every method: code, reason, stage, whether it is a prediction, and when to come again.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { ModelInferRequest, ModelStreamInferResponse } from "../../generated/inference/grpc_service.ts";
import { PredictRequest } from "../../generated/predictd/v1/prediction.ts";
import type { App } from "../../src/app.ts";
import type { Backend } from "../../src/engine/backend.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { startApp } from "../app/start-app.ts";
import { endCalls, send, setUp } from "../engine/scheduler/fake-instance.ts";
import type { Clients } from "../support/clients.ts";
import { createClients, request } from "../support/clients.ts";
import { createModelFolder } from "../support/model-folder.ts";
import type { ModelFolder } from "../support/model-folder.ts";
import { toInferRequest } from "../support/oip-way.ts";
import { plainModel } from "../support/plain-model.ts";
import type { RawConnection } from "../support/raw-h2.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import type { Failure } from "../support/status-details.ts";
import type { Way } from "../support/ways.ts";
import { WAYS } from "../support/ways.ts";
import { raw } from "../support/wire-tensors.ts";
import type { MovedClock, RefusalKind, Told } from "./refusal-kinds.ts";
import { createMovedClock, refusalKinds } from "./refusal-kinds.ts";

/** A model of rows of one number, or of any length. */
const config = (dim: number): string => `backend: "held"
max_batch_size: 1
input { name: "X" data_type: TYPE_INT32 dims: [${dim}] }
output { name: "Y" data_type: TYPE_INT32 dims: [${dim}] }
`;
/** Lengths up to 8, whatever the scheduler thinks. */
const padding = {
  inputs: [{ dimension: 1, element: new Uint8Array(4), isMask: false }],
  lengthInput: 0,
  buckets: [4, 8],
  maxBatchTokens: 100,
};

let engine: Engine;
const held: Engine = {
  submit: (job, call) => engine.submit(job, call),
  statistics: () => engine.statistics(),
  close: async () => {},
};
const backend: Backend = {
  canBeDecoupled: false,
  explainFailure: String,
  load: (options) => {
    const isPadded = options.declaredInputs?.[0]?.dims[0] === -1;
    return Promise.resolve({ ...plainModel(held, options), padding: isPadded ? padding : undefined });
  },
};

/** A server whose requests have this deadline when they bring none. */
interface Server {
  readonly app: App;
  readonly clients: Clients;
  readonly connection: RawConnection;
}

async function serve(defaultDeadlineMs: number): Promise<Server> {
  const app = await startApp({ modelDir: folder.path, defaultDeadlineMs }, { backends: new Map([["held", backend]]) });
  return { app, clients: createClients(app.grpcAddress), connection: connectRaw(app.grpcAddress) };
}

let folder: ModelFolder;
let patient: Server;
let hurried: Server;
beforeAll(async () => {
  engine = setUp().engine;
  folder = await createModelFolder({
    "held/config.pbtxt": config(1),
    "held/1/model.onnx": "",
    "padded/config.pbtxt": config(-1),
    "padded/1/model.onnx": "",
  });
  [patient, hurried] = [await serve(60_000), await serve(500)];
});
afterAll(async () => {
  for (const { app, clients, connection } of [patient, hurried]) {
    clients.close();
    connection.close();
    await app.stop();
  }
  await folder.remove();
});
afterEach(endCalls);

const ones = (rows: number, length: number) =>
  raw("X", "INT32", [rows, length], new Uint8Array(Int32Array.from({ length: rows * length }, () => 1).buffer));
const rowsOf = (rows: number): PredictRequest => request("held", [ones(rows, 1)]);

/** Puts the requests before it there. */
function prepare({ options, before, beforeMs = 0 }: RefusalKind): MovedClock {
  const clock = createMovedClock(beforeMs);
  engine = setUp(options, clock).engine;
  for (let i = 0; i < before; i++) send(engine, [i]).result.catch(() => {});
  clock.move(beforeMs);
  return clock;
}

/** Sends one way, and lets time pass once the request waits. */
async function refuse<Answer>(kind: RefusalKind, ask: () => Promise<Answer>): Promise<Answer> {
  const clock = prepare(kind);
  const { queuedRows } = engine.statistics();
  const answer = ask();
  if (kind.thenMs !== undefined) {
    while (engine.statistics().queuedRows === queuedRows) await new Promise(setImmediate);
    clock.move(kind.thenMs);
  }
  return answer;
}

function expectTold(failure: Failure | undefined, { code, reason, stage, isPredicted, hasAdvice }: Told): void {
  expect(failure).toMatchObject({ code, reason, metadata: { stage } });
  expect(failure?.metadata["predicted"]).toBe(isPredicted ? "true" : undefined);
  expect(failure?.retryDelayMs).toEqual(hasAdvice ? expect.any(Number) : undefined);
  if (hasAdvice) expect(failure?.retryDelayMs).toBeGreaterThanOrEqual(1);
}

/** A stream cuts a request into chunks of a run each, which are never split. */
const waysOf = ({ rows = 1 }: RefusalKind): readonly Way[] =>
  (Object.keys(WAYS) as Way[]).filter((way) => rows === 1 || way !== "PredictStream");

describe.each(["off", "triton"] as const)("compat %s", (compat) => {
  describe.each(refusalKinds(compat).map((kind) => [kind.name, kind] as const))("%s", (_, kind) => {
    const message = rowsOf(kind.rows ?? 1);

    test.each(waysOf(kind))("%s", async (way) => {
      const { failure } = await refuse(kind, () => WAYS[way](patient.clients, message));
      expectTold(failure, kind.told);
    });

    test("leaves a unary call Trailers-Only, with the pushback that its details advise", async () => {
      const body = frame(PredictRequest.encode(message).finish());
      const path = "/predictd.v1.PredictionService/Predict";
      const { trailers, trailersOnly, status } = await refuse(kind, () => patient.connection.call(path, { body }).answer);
      expectTold(status, kind.told);
      expect(trailersOnly).toBe(true);
      expect(trailers["grpc-retry-pushback-ms"]).toBe(status.retryDelayMs === undefined ? undefined : String(status.retryDelayMs));
    });

    test("is told by parameters within a ModelStreamInfer that goes on", async () => {
      const body = frame(ModelInferRequest.encode(toInferRequest(message)).finish());
      const path = "/inference.GRPCInferenceService/ModelStreamInfer";
      const { messages, status } = await refuse(kind, () => patient.connection.call(path, { body }).answer);
      expect([status.code, messages.length]).toEqual(["OK", 1]);
      const { errorMessage, inferResponse } = ModelStreamInferResponse.decode(messages[0]!);
      const told = Object.entries(inferResponse?.parameters ?? {}).map(([key, { parameterChoice }]) => [key, parameterChoice?.value]);
      const { code, reason, stage, isPredicted, hasAdvice } = kind.told;
      expect(errorMessage).not.toBe("");
      expect(Object.fromEntries(told)).toEqual({
        error_code: code,
        error_reason: reason,
        error_stage: stage,
        ...(isPredicted && { error_predicted: true }),
        ...(hasAdvice && { error_retry_after_ms: expect.any(BigInt) }),
        triton_final_response: true,
      });
    });
  });
});

test.each(Object.keys(WAYS) as Way[])("expired in the queue: %s", async (way) => {
  const told = { code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED", stage: "queue", isPredicted: false, hasAdvice: false };
  // Two are before it, as a second one is handed over beside one whose run is short.
  prepare({ name: "expired", options: { maxBatchSize: 1, admission: "off" }, before: 2, told });
  const { failure } = await WAYS[way](hurried.clients, rowsOf(1));
  expectTold(failure, told);
});

test.each(Object.keys(WAYS) as Way[])("longer than what is padded: %s", async (way) => {
  const { failure } = await WAYS[way](patient.clients, request("padded", [ones(1, 9)]));
  expect(failure).toMatchObject({ code: "INVALID_ARGUMENT", reason: "INPUT_SHAPE_MISMATCH", retryDelayMs: undefined });
});
