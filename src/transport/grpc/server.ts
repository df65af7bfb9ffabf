// The gRPC server: binds, hands streams to methods, drains.

import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import grpc from "@grpc/grpc-js";
import type { HealthMap } from "../../api/health.ts";
import type { ModelsApi } from "../../api/models-api.ts";
import type { PredictApi } from "../../api/predict-api.ts";
import type { RepositoryApi } from "../../api/repository-api.ts";
import type { ServerApiOptions } from "../../api/server-api.ts";
import { createServerApi } from "../../api/server-api.ts";
import type { Config } from "../../config/config.ts";
import { ServiceError } from "../../errors.ts";
import type { ByteBudget } from "../../guard/byte-budget.ts";
import { Bag } from "../../lib/bag.ts";
import { interceptStreams, setConnectionLimits } from "./http2-server.ts";
import type { Methods } from "./method.ts";
import { healthMethods } from "./methods/health.ts";
import { modelMethods } from "./methods/models.ts";
import { oipMethods } from "./methods/oip/oip-methods.ts";
import { predictMethod } from "./methods/predict.ts";
import { predictSessionMethod } from "./methods/predict-session.ts";
import { predictStreamMethod } from "./methods/predict-stream.ts";
import { predictUploadMethod } from "./methods/predict-upload.ts";
import { serverDraining } from "./methods/unary.ts";
import { addReflection, REFLECTION_PATHS } from "./reflection.ts";
import { WireCall } from "./wire-call.ts";

/** Content types of plain gRPC with protobuf; gRPC-Web and JSON are other protocols. */
const GRPC_CONTENT_TYPE = /^application\/grpc(?:\+proto)?(?:;|$)/;

/** Largest question of reflection, in bytes: the only messages that grpc-js reads, and so without counting them in the byte budget. */
const MAX_REFLECTION_BYTES = 65_536;

/** How often calls are looked through whose answers nobody reads. */
const SWEEP_MS = 1000;

/** Services whose health follows the server's. */
export const SERVICE_NAMES = ["predictd.v1.PredictionService", "predictd.v1.ModelService", "inference.GRPCInferenceService"] as const;

/** What the server is made with. */
export interface GrpcServerOptions {
  readonly config: Config;
  readonly predictApi: PredictApi;
  readonly modelsApi: ModelsApi;
  readonly repositoryApi: RepositoryApi;
  readonly tracer: ServerApiOptions["tracer"];
  /** Undefined: log settings cannot be asked for. */
  readonly logControl: ServerApiOptions["logControl"];
  readonly health: HealthMap;
  /** Where the bytes of messages and uploads are counted. */
  readonly budget: ByteBudget;
}

/** A gRPC server. */
export interface GrpcServer {
  /** Binds and answers from then on. @returns the port. */
  listen(): Promise<number>;
  /** Refuses new connections, tells clients to go elsewhere, finishes what runs within the time given, then closes. */
  close(graceMs: number): Promise<void>;
}

/** Makes the server. */
export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  const { config, predictApi, modelsApi, repositoryApi, tracer, logControl, health, budget } = options;
  const server = new grpc.Server({
    "grpc.max_concurrent_streams": config.maxStreamsPerConnection,
    "grpc.max_receive_message_length": MAX_REFLECTION_BYTES,
    "grpc.max_send_message_length": -1,
    "grpc.keepalive_time_ms": config.keepaliveTimeMs,
    "grpc.keepalive_timeout_ms": config.keepaliveTimeoutMs,
    "grpc.enable_channelz": 0,
  });
  if (config.reflection) addReflection(server);
  const single = { limits: config, toServiceError: predictApi.toServiceError };
  const serverApi = createServerApi({ health, models: modelsApi, repository: repositoryApi, tracer, logControl });
  const methods: Methods = {
    "/predictd.v1.PredictionService/Predict": predictMethod(predictApi, config),
    "/predictd.v1.PredictionService/PredictStream": predictStreamMethod(predictApi, config),
    "/predictd.v1.PredictionService/PredictSession": predictSessionMethod(predictApi, config),
    "/predictd.v1.PredictionService/PredictUpload": predictUploadMethod(predictApi, config, budget),
    ...modelMethods(modelsApi, single),
    ...oipMethods({ predictApi, modelsApi, repositoryApi, serverApi, single }),
    ...healthMethods(health, single),
  };
  const openByPath = new Map(Object.entries(methods));
  const calls = new Bag<WireCall>();
  /** Answered calls whose clients have not taken everything yet. */
  const unread = new Bag<WireCall>();
  let onIdle: (() => void) | undefined;
  const callEnded = (call: WireCall): void => {
    calls.delete(call);
    unread.add(call);
    if (calls.size === 0) onIdle?.();
  };
  const callGone = (call: WireCall): void => unread.delete(call);
  const sweep = setInterval(() => {
    const before = performance.now() - config.maxStreamIdleMs;
    for (const call of unread.toArray()) if (call.endedAt < before) call.reset();
  }, SWEEP_MS);
  sweep.unref();

  const wireOptions = {
    maxMessageBytes: config.maxMessageBytes,
    maxAdmitWaitMs: config.maxAdmitWaitMs,
    budget,
    toServiceError: predictApi.toServiceError,
    onEnd: callEnded,
    onGone: callGone,
  };
  const handleStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): boolean => {
    const path = headers[":path"] ?? "";
    if (config.reflection && REFLECTION_PATHS.has(path)) return false;
    if (!GRPC_CONTENT_TYPE.test(headers["content-type"] ?? "")) {
      stream.on("error", () => {});
      stream.respond({ ":status": 415 }, { endStream: true });
      stream.resume();
      return true;
    }
    const wire = new WireCall(stream, headers, wireOptions);
    calls.add(wire);
    try {
      const open = openByPath.get(path);
      if (open === undefined) throw unknownMethod(path, config.reflection);
      wire.start(open(wire));
    } catch (error) {
      wire.refuse(predictApi.toServiceError(error));
    }
    return true;
  };

  return {
    async listen() {
      setConnectionLimits(server, config);
      const port = await new Promise<number>((resolve, reject) => {
        server.bindAsync(hostPort(config.host, config.grpcPort), grpc.ServerCredentials.createInsecure(), (error, bound) => {
          if (error === null) resolve(bound);
          else reject(error);
        });
      });
      interceptStreams(server, {
        receiveWindowBytes: config.receiveWindowBytes,
        maxIdleMs: config.maxConnectionIdleMs,
        maxAgeMs: config.maxConnectionAgeMs,
        maxAgeGraceMs: config.maxConnectionAgeGraceMs,
        onAging: (session) => {
          for (const call of calls.toArray()) if (call.isOn(session)) call.drain();
        },
        handle: handleStream,
      });
      return port;
    },
    async close(graceMs) {
      for (const call of calls.toArray()) call.drain();
      const shutDown = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      const idle = calls.size === 0 ? Promise.resolve() : new Promise<void>((resolve) => (onIdle = resolve));
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, graceMs)));
      await Promise.race([Promise.all([shutDown, idle]), late]);
      clearTimeout(timer);
      for (const call of calls.toArray()) call.abort(serverDraining());
      clearInterval(sweep);
      server.forceShutdown();
    },
  };
}

function unknownMethod(path: string, reflection: boolean): ServiceError {
  if (!reflection && REFLECTION_PATHS.has(path)) {
    return new ServiceError("METHOD_UNKNOWN", "Reflection is switched off (setting reflection).", { metadata: { setting: "reflection" } });
  }
  return new ServiceError("METHOD_UNKNOWN", `The server has no method ${JSON.stringify(path.slice(0, 200))}.`);
}

/** An IPv6 address needs brackets in front of a port. */
export function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
