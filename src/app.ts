// The composition root: builds every part once, in the order of the data's way.

import { createHealthMap } from "./api/health.ts";
import { createModelsApi } from "./api/models-api.ts";
import { createPredictApi } from "./api/predict-api.ts";
import { createRepositoryApi } from "./api/repository-api.ts";
import type { Config } from "./config/config.ts";
import type { Backends } from "./engine/backend.ts";
import { createDevices } from "./engine/onnx/devices.ts";
import { createOnnxBackend, ONNX_BACKEND } from "./engine/onnx/onnx-backend.ts";
import { createWorkerPool } from "./engine/onnx/worker-pool.ts";
import { LoopOverhead } from "./engine/scheduler/overhead.ts";
import { createScheduler } from "./engine/scheduler/scheduler.ts";
import { createByteBudget } from "./guard/byte-budget.ts";
import { createRegistry } from "./registry/registry.ts";
import type { ModelView } from "./registry/view.ts";
import { createFailureLog } from "./telemetry/failure-log.ts";
import type { LogControl } from "./telemetry/log-control.ts";
import type { Logger } from "./telemetry/logger.ts";
import { createTracer } from "./telemetry/tracer.ts";
import { createGrpcServer, hostPort, SERVICE_NAMES } from "./transport/grpc/server.ts";

/** Time for runs that nobody waits for any more to end at shutdown, in milliseconds. */
const FREE_MS = 5000;

/** A server that can be started and stopped once. */
export interface App {
  /** Listens as NOT_SERVING and begins to load. Rejects when the port or the model folder cannot be used. */
  start(): Promise<void>;
  /** `host:port` of the gRPC server, once started. */
  readonly grpcAddress: string;
  /** Resolves when every model is ready or has failed. */
  readonly settled: Promise<void>;
  /** Every model in name order. */
  models(): readonly ModelView[];
  /** Called whenever a model's state changes. The result ends it. */
  onModelChange(listener: (model: ModelView) => void): () => void;
  /**
   * Drains: NOT_SERVING, a pause for that to be seen, no new work, what runs is finished, everything is freed. Safe to call twice.
   * @returns false if a run would not end, so that only a signal ends the process.
   */
  stop(): Promise<boolean>;
}

/** What an embedding program may bring. */
export interface AppOptions {
  /** Backends besides `onnxruntime`, by the name that configurations give them. */
  readonly backends?: Backends;
  /** What may be changed about the log at run time; nothing by default. */
  readonly logControl?: LogControl;
}

/** Builds a server from its configuration. */
export function createApp(config: Config, logger: Logger, options: AppOptions = {}): App {
  const health = createHealthMap();
  const ownNames: readonly string[] = ["", ...SERVICE_NAMES];
  for (const name of ownNames) health.set(name, "notServing");
  const pool = createWorkerPool({ ...config, heapMb: config.workerHeapMb, logger });
  const backends = new Map([
    [ONNX_BACKEND, createOnnxBackend({ pool, devices: createDevices(config), scheduler: createScheduler(undefined, new LoopOverhead()) })],
    ...(options.backends ?? []),
  ]);
  const closing = new AbortController();
  const registry = createRegistry({ config, backends, logger, closing: closing.signal });
  /** What has left the registry is unknown to health too; names that callers make up must not pile up. */
  const forgetGone = (): void => {
    const known = new Set([...ownNames, ...registry.models().map(({ name }) => name)]);
    for (const [name] of health.entries()) if (!known.has(name)) health.forget(name);
  };
  const tracer = createTracer({ traceFile: config.traceFile, logger });
  const failureLog = createFailureLog(logger, config.maxFailureLogsPerSecond);
  const predictApi = createPredictApi({ ...config, route: registry.route, tracer, logger, failureLog });
  const server = createGrpcServer({
    config,
    predictApi,
    modelsApi: createModelsApi(registry),
    repositoryApi: createRepositoryApi(
      {
        index: () => registry.index().finally(forgetGone),
        loadModel: (name, override) => registry.loadModel(name, override).finally(forgetGone),
        unloadModel: (name) => registry.unloadModel(name).finally(forgetGone),
      },
      config,
    ),
    tracer,
    logControl: options.logControl,
    health,
    budget: createByteBudget(config.maxBufferedBytes),
  });

  let grpcAddress = "";
  let stopping: Promise<boolean> | undefined;
  let loading = Promise.resolve();
  const settled = Promise.withResolvers<void>();
  // Whoever does not wait for it must not be killed by it.
  settled.promise.catch(() => {});

  const showServing = (): void => {
    const serving = registry.requiredReady() ? "serving" : "notServing";
    for (const name of ownNames) health.set(name, serving);
  };
  let isSettled = false;

  registry.onChange((model) => {
    if (stopping !== undefined) return;
    // A model may be called like a service, of which it decides nothing.
    if (!ownNames.includes(model.name)) health.set(model.name, model.defaultVersion === "" ? "notServing" : "serving");
    if (isSettled) showServing();
  });

  const free = async (): Promise<boolean> => {
    await loading.catch(() => {});
    await registry.close();
    await pool.close();
    await tracer.close();
    return true;
  };

  const stop = async (): Promise<boolean> => {
    logger.info("draining");
    closing.abort();
    for (const [name] of health.entries()) health.set(name, "notServing");
    if (config.drainDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, config.drainDelayMs));
    await server.close(config.drainTimeoutMs);
    failureLog.close();
    // Nobody waits for a run that still goes on now, and it cannot be ended.
    const { promise: late, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(resolve, FREE_MS, false);
    const clean = await Promise.race([free(), late]);
    clearTimeout(timer);
    if (clean) logger.info("stopped");
    else logger.error({ waitedMs: FREE_MS }, "a run does not end; the process has to be killed");
    return clean;
  };

  return {
    get grpcAddress() {
      return grpcAddress;
    },
    settled: settled.promise,
    async start() {
      grpcAddress = hostPort(config.host, await server.listen());
      logger.info({ grpcAddress }, "listening");
      loading = registry.load().then(() => {
        if (stopping !== undefined) return;
        isSettled = true;
        showServing();
        logger.info({ serving: registry.requiredReady() }, "models settled");
      });
      loading.then(settled.resolve, settled.reject);
    },
    models: () => registry.models(),
    onModelChange: (listener) => registry.onChange(listener),
    stop: () => (stopping ??= stop()),
  };
}
