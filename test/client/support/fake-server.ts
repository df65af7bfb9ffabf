// A hand-written server over the generated service definitions, so that the client is tested against outcomes chosen by the test.

import type { ServerDuplexStream, ServerUnaryCall } from "@grpc/grpc-js";
import { Metadata, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { Any } from "../../../generated/google/protobuf/any.ts";
import { BadRequest, ErrorInfo, ResourceInfo, RetryInfo } from "../../../generated/google/rpc/error_details.ts";
import { Status } from "../../../generated/google/rpc/status.ts";
import type { HealthServer } from "../../../generated/grpc/health/v1/health.ts";
import { HealthService } from "../../../generated/grpc/health/v1/health.ts";
import type { ModelServiceServer } from "../../../generated/predictd/v1/model.ts";
import { ModelServiceService } from "../../../generated/predictd/v1/model.ts";
import type {
  PredictRequest,
  PredictResponse,
  PredictSessionRequest,
  PredictSessionResponse,
  PredictionServiceServer,
} from "../../../generated/predictd/v1/prediction.ts";
import { PredictionServiceService } from "../../../generated/predictd/v1/prediction.ts";
import { FAKE_MODELS } from "./fake-models.ts";
import { predictFake } from "./fake-predict.ts";

/** What the handlers of one fake server share with the test. */
export interface FakeServer {
  readonly address: string;
  /** Requests in the order they came, of every method. */
  readonly requests: PredictRequest[];
  /** Timeouts of session items in the order they came. */
  readonly sessionTimeoutsMs: number[];
  /** Resolves when a call of model `hang` or `endless`, or a prediction of a session, has been cancelled. */
  readonly cancelled: Promise<void>;
  /** Resolves when a call of model `hang` has arrived. */
  readonly hanging: Promise<void>;
  /** Sends a drain message on the open session. */
  drain(): void;
  /** Sends the next health state to every watcher. */
  setServing(serving: boolean): void;
  close(): void;
}

const STATUS_BY_MODEL: Readonly<Record<string, Status>> = {
  missing: {
    code: status.NOT_FOUND,
    message: 'There is no model "missing".',
    details: [
      pack(
        "google.rpc.ErrorInfo",
        ErrorInfo.encode({ reason: "MODEL_NOT_FOUND", domain: "predictd", metadata: { model: "missing" } }).finish(),
      ),
      pack(
        "google.rpc.ResourceInfo",
        ResourceInfo.encode({ resourceType: "model", resourceName: "missing", owner: "", description: "" }).finish(),
      ),
    ],
  },
  bad: {
    code: status.INVALID_ARGUMENT,
    message: "The inputs do not fit the signature.",
    details: [
      pack("google.rpc.ErrorInfo", ErrorInfo.encode({ reason: "INPUT_SHAPE_MISMATCH", domain: "predictd", metadata: {} }).finish()),
      pack(
        "google.rpc.BadRequest",
        BadRequest.encode(
          BadRequest.create({ fieldViolations: [{ field: 'inputs["x"].shape[1]', description: "must be 4, not 3" }] }),
        ).finish(),
      ),
    ],
  },
  busy: {
    code: status.RESOURCE_EXHAUSTED,
    message: "The queue is full.",
    details: [
      pack("google.rpc.ErrorInfo", ErrorInfo.encode({ reason: "QUEUE_FULL", domain: "predictd", metadata: { stage: "admit" } }).finish()),
      pack("google.rpc.RetryInfo", RetryInfo.encode({ retryDelay: { seconds: 0n, nanos: 5_000_000 } }).finish()),
    ],
  },
  garbled: {
    code: status.INTERNAL,
    message: "A bug.",
    details: [{ typeUrl: "type.googleapis.com/google.rpc.ErrorInfo", value: new Uint8Array([255]) }],
  },
};

/** Starts a fake server on a free loopback port. */
export async function startFakeServer(): Promise<FakeServer> {
  const requests: PredictRequest[] = [];
  const sessionTimeoutsMs: number[] = [];
  const cancelled = Promise.withResolvers<void>();
  const hanging = Promise.withResolvers<void>();
  const sessions = new Set<ServerDuplexStream<PredictSessionRequest, PredictSessionResponse>>();
  const watchers = new Set<(serving: boolean) => void>();

  const answer = (request: PredictRequest | undefined): PredictResponse | Status => {
    requests.push(request!);
    return STATUS_BY_MODEL[request!.model] ?? predictFake(request!);
  };
  const hang = (call: Pick<ServerUnaryCall<unknown, unknown>, "on">): void => {
    call.on("cancelled", () => cancelled.resolve());
    hanging.resolve();
  };

  const prediction: PredictionServiceServer = {
    predict(call, callback) {
      if (call.request.model === "hang") return hang(call);
      const outcome = answer(call.request);
      if (isStatus(outcome)) callback(asGrpcError(outcome));
      else callback(null, outcome);
    },
    predictStream(call) {
      if (call.request.request?.model === "hang") call.on("cancelled", () => cancelled.resolve());
      const rows = call.request.request!.model === "endless" ? 1e9 : 3;
      const sendRow = (row: number): void => {
        if (call.cancelled) return cancelled.resolve();
        if (row === rows || (row === 2 && call.request.request!.model === "bad")) {
          if (call.request.request!.model === "bad") call.emit("error", asGrpcError(STATUS_BY_MODEL["bad"]!));
          else call.end();
          return;
        }
        const response = predictFake(call.request.request!);
        const more = call.write({ response, firstRow: BigInt(row), rowsDone: BigInt(row + 1), rowsTotal: BigInt(rows) });
        if (more) setImmediate(sendRow, row + 1);
        else call.once("drain", () => sendRow(row + 1));
      };
      sendRow(0);
    },
    predictSession(call) {
      sessions.add(call);
      const held: PredictSessionResponse[] = [];
      call.on("data", ({ message }: PredictSessionRequest) => {
        if (message?.$case === "cancel") cancelled.resolve();
        if (message?.$case !== "predict") return;
        const { id, request, timeoutMs } = message.value;
        sessionTimeoutsMs.push(timeoutMs);
        if (request!.model === "hang") return hanging.resolve();
        if (request!.model === "crash") return call.emit("error", asGrpcError({ code: status.UNAVAILABLE, message: "lost", details: [] }));
        const outcome = answer(request);
        const result: PredictSessionResponse = {
          message: {
            $case: "result",
            value: { id, outcome: isStatus(outcome) ? { $case: "error", value: outcome } : { $case: "response", value: outcome } },
          },
        };
        // Even ids are held back one turn, so that results come out of order.
        if (Number(id) % 2 === 0) held.push(result);
        else {
          call.write(result);
          for (const late of held.splice(0)) call.write(late);
        }
      });
      call.on("end", () => {
        for (const late of held.splice(0)) call.write(late);
        sessions.delete(call);
        call.end();
      });
    },
    predictUpload(call, callback) {
      let request: PredictRequest | undefined;
      let total = 0n;
      const chunks: Uint8Array[] = [];
      let input = "";
      call.on("data", ({ part }) => {
        if (part?.$case === "header") ({ request, input, totalBytes: total } = part.value);
        if (part?.$case === "chunk") chunks.push(part.value);
        if (request?.model === "busy" && chunks.length === 1) callback(asGrpcError(STATUS_BY_MODEL["busy"]!));
      });
      call.on("end", () => {
        if (request!.model === "busy") return;
        const raw = new Uint8Array(Buffer.concat(chunks));
        const inputs = request!.inputs.map((tensor) => (tensor.name === input ? { ...tensor, raw } : tensor));
        callback(null, { response: { ...predictFake({ ...request!, inputs }), batchRows: chunks.length, requestId: String(total) } });
      });
    },
  };

  const models: ModelServiceServer = {
    listModels: (_call, callback) => callback(null, { models: [...FAKE_MODELS] }),
    getModel(call, callback) {
      const model = FAKE_MODELS.find(({ name }) => name === call.request.name);
      if (model === undefined) callback(asGrpcError(STATUS_BY_MODEL["missing"]!));
      else callback(null, { model });
    },
  };

  const health: HealthServer = {
    check(call, callback) {
      if (call.request.service === "nobody") callback({ code: status.NOT_FOUND, details: "unknown service" });
      else callback(null, { status: call.request.service === "asleep" ? 2 : 1 });
    },
    watch(call) {
      const tell = (serving: boolean): boolean => call.write({ status: serving ? 1 : 2 });
      watchers.add(tell);
      call.on("cancelled", () => watchers.delete(tell));
      tell(false);
    },
    list: (_call, callback) => callback(null, { statuses: {} }),
  };

  const server = new Server({ "grpc.max_receive_message_length": -1 });
  server.addService(PredictionServiceService, prediction);
  server.addService(ModelServiceService, models);
  server.addService(HealthService, health);
  const { promise: bound, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => (error === null ? resolve(port) : reject(error)));
  return {
    address: `127.0.0.1:${await bound}`,
    requests,
    sessionTimeoutsMs,
    cancelled: cancelled.promise,
    hanging: hanging.promise,
    drain() {
      for (const call of sessions) call.write({ message: { $case: "drain", value: { graceMs: 1000 } } });
    },
    setServing(serving) {
      for (const tell of watchers) tell(serving);
    },
    close: () => server.forceShutdown(),
  };
}

function pack(type: string, value: Uint8Array): Any {
  return Any.create({ typeUrl: `type.googleapis.com/${type}`, value });
}

function isStatus(outcome: PredictResponse | Status): outcome is Status {
  return "details" in outcome;
}

function asGrpcError(outcome: Status): Error & { code: number; details: string; metadata: Metadata } {
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(Status.encode(outcome).finish()));
  return Object.assign(new Error(outcome.message), { code: outcome.code, details: outcome.message, metadata });
}
