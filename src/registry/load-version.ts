// Brings one version from `loading` to `ready`, or to `failed` with a reason.

import { ModelError } from "../engine/backend.ts";
import type { Backend, Backends, LoadOptions } from "../engine/backend.ts";
import { quoteName } from "../predict/quote-name.ts";
import type { Signature } from "../tensor/signature.ts";
import type { ModelPlan } from "./model-plan.ts";
import type { ModelSettings } from "./model-settings.ts";
import { queueSettings } from "./queue-settings.ts";
import type { TuneContext } from "./tune-version.ts";
import { tuneVersion } from "./tune-version.ts";
import type { Version } from "./version.ts";

/** What loading needs besides the version. */
export interface LoadContext extends TuneContext {
  readonly backends: Backends;
  /** Model versions that are served in all. */
  readonly modelCount: number;
  /** Called when trial runs begin. */
  readonly onWarming: () => void;
}

/** Never rejects: the version's state tells. */
export async function loadVersion(version: Version, plan: ModelPlan, context: LoadContext): Promise<void> {
  const { backends, logger } = context;
  const { settings } = version;
  const backend = backends.get(settings.backend);
  const why = whyUnservable(settings, backend, backends);
  if (why !== undefined || backend === undefined) {
    version.failed(why ?? "");
    logger.error({ reason: why }, "model cannot be served");
    return;
  }
  const started = performance.now();
  try {
    const asGiven = loadOptions(version, plan, context, (signature) => {
      version.warming(signature);
      context.onWarming();
    });
    const { options, batchingSource } = await tuneVersion(backend, asGiven, settings, context);
    const asLoaded = await context.turns.load(() => backend.load(options, logger));
    const isTuned = batchingSource !== undefined && asLoaded.sharesRuns;
    const loaded = isTuned ? { ...asLoaded, batchingSource } : asLoaded;
    version.ready(loaded);
    if (settings.wantsGpu && loaded.provider === "cpu") {
      version.note([version.reason, `KIND_GPU: it runs on the CPU (${loaded.providerNotes.join("; ")}).`].join(" ").trim());
    }
    logger.info(
      {
        provider: loaded.provider,
        deviceIds: loaded.deviceIds,
        providerNotes: loaded.providerNotes,
        maxBatchSize: loaded.maxBatchSize,
        batching: loaded.batchingSource,
        execution: loaded.execution,
        instances: loaded.instances,
        loadMs: Math.round(performance.now() - started),
      },
      "model ready",
    );
  } catch (error) {
    version.failed(backend.explainFailure(error));
    // What is wrong with the model or its configuration needs no stack of ours.
    logger.error(error instanceof ModelError ? { reason: version.reason } : { err: error, reason: version.reason }, "model failed to load");
  }
}

function whyUnservable({ backend: name, decoupled }: ModelSettings, backend: Backend | undefined, backends: Backends): string | undefined {
  if (backend === undefined) {
    return `The configuration asks for the backend ${quoteName(name)}; this server has ${[...backends.keys()].join(", ")}.`;
  }
  if (decoupled && !backend.canBeDecoupled) return `Models of the backend ${quoteName(name)} answer every request once.`;
  return undefined;
}

/** The model's own configuration over the server's settings. @param onWarming told when trial runs begin. */
export function loadOptions(
  { path, settings }: Pick<Version, "path" | "settings">,
  { warmupSamples }: Pick<ModelPlan, "warmupSamples">,
  { config, modelCount }: Pick<LoadContext, "config" | "modelCount">,
  onWarming: (signature: Signature) => void,
): LoadOptions {
  return {
    modelPath: path,
    execution: settings.execution ?? config.execution,
    providers: settings.executionProviders ?? config.executionProviders,
    deviceIds: settings.deviceIds ?? config.deviceIds,
    instances: settings.instances ?? config.instances,
    intraOpThreads: settings.intraOpThreads ?? config.intraOpThreads,
    interOpThreads: settings.interOpThreads,
    parallelExecution: settings.parallelExecution,
    graphOptimization: settings.graphOptimization,
    modelCount,
    maxBatchSize: settings.maxBatchSize,
    defaultMaxBatchSize: config.maxBatchSize,
    sharesRuns: settings.sharesRuns,
    padding: settings.padding,
    queue: settings.queue,
    compat: config.compat,
    ...queueSettings(settings, config),
    maxBatchBytes: config.maxBatchBytes,
    warmupRuns: settings.warmupRuns ?? config.warmupRuns,
    warmupBudgetMs: settings.warmupBudgetMs ?? config.warmupBudgetMs,
    warmupDims: settings.warmupDims,
    warmupSamples,
    inputNotes: settings.inputNotes,
    outputNotes: settings.outputNotes,
    declaredInputs: settings.declaredInputs,
    declaredOutputs: settings.declaredOutputs,
    onWarming,
  };
}
