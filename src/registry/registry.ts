// What is served: every entry of the model folder, its versions and where each stands.

import { readFile } from "node:fs/promises";
import type { Config } from "../config/config.ts";
import { ServiceError } from "../errors.ts";
import { explainLoadFailure } from "../engine/onnx/load-failure.ts";
import { loadOnnxModel } from "../engine/onnx/load-onnx-model.ts";
import type { WorkerPool } from "../engine/onnx/worker-pool.ts";
import type { Scheduler } from "../engine/scheduler/scheduler.ts";
import { quoteName } from "../predict/quote-name.ts";
import type { Route } from "../predict/servable.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Manifest } from "./manifest.ts";
import { ManifestError, parseManifest } from "./manifest.ts";
import type { FoundModel } from "./source.ts";
import { scanModelFolder } from "./source.ts";
import type { ModelView } from "./view.ts";
import { Version } from "./version.ts";

/** How long a caller should wait before asking again for a model that is not ready, in milliseconds. */
const NOT_READY_RETRY_MS = 1000;

/** What the registry is made with. */
export interface RegistryOptions {
  readonly config: Config;
  readonly pool: WorkerPool;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
}

/** The models of one folder. */
export interface Registry {
  /** Scans the folder and loads everything. Resolves when every version is ready or failed; rejects only if the folder cannot be read. */
  load(): Promise<void>;
  /** Every model in name order. */
  models(): readonly ModelView[];
  /** One model. @throws ServiceError MODEL_NOT_FOUND. */
  model(name: string): ModelView;
  /** Whether every model marked `required` has a ready version. */
  requiredReady(): boolean;
  /** Chooses the version that answers. @throws ServiceError. */
  readonly route: Route;
  /** Called whenever a model's state changes. The result ends it. */
  onChange(listener: (model: ModelView) => void): () => void;
  /** Finishes what is running and frees everything. */
  close(): Promise<void>;
}

interface Entry {
  readonly name: string;
  readonly manifest: Manifest | undefined;
  /** Highest first. */
  readonly versions: readonly Version[];
  /** Why none of the versions can be served. */
  readonly problem: string;
}

/** Makes the registry. */
export function createRegistry({ config, pool, scheduler, logger }: RegistryOptions): Registry {
  const entries = new Map<string, Entry>();
  const listeners = new Set<(model: ModelView) => void>();
  const changed = (entry: Entry): void => {
    const view = toView(entry);
    for (const listener of listeners) listener(view);
  };

  const loadVersion = async (entry: Entry, version: Version): Promise<void> => {
    const { manifest } = entry;
    const log = logger.child({ model: entry.name, version: version.version });
    const started = performance.now();
    try {
      const model = await loadOnnxModel(
        {
          modelPath: version.path,
          providers: manifest?.executionProviders ?? config.executionProviders,
          instances: manifest?.instances ?? config.instances,
          intraOpThreads: manifest?.intraOpThreads ?? config.intraOpThreads,
          modelCount: [...entries.values()].reduce((sum, { versions }) => sum + versions.length, 0),
          maxBatchSize: manifest?.maxBatchSize,
          defaultMaxBatchSize: config.maxBatchSize,
          maxQueueDelayMs: manifest?.maxQueueDelayMs ?? config.maxQueueDelayMs,
          maxQueueRows: manifest?.maxQueueRows ?? config.maxQueueRows,
          maxBatchBytes: config.maxBatchBytes,
          warmupRuns: manifest?.warmupRuns ?? config.warmupRuns,
          warmupBudgetMs: manifest?.warmupBudgetMs ?? config.warmupBudgetMs,
          warmupDims: manifest?.warmupDims ?? new Map(),
          inputNotes: manifest?.inputs ?? [],
          outputNotes: manifest?.outputs ?? [],
          onWarming: (signature) => {
            version.warming(signature);
            changed(entry);
          },
        },
        pool,
        scheduler,
        log,
      );
      version.ready(model);
      log.info(
        {
          provider: model.provider,
          providerNotes: model.providerNotes,
          maxBatchSize: model.maxBatchSize,
          batching: model.batchingSource,
          instances: model.instances,
          loadMs: Math.round(performance.now() - started),
        },
        "model ready",
      );
    } catch (error) {
      version.failed(explainLoadFailure(error));
      log.error({ err: error, reason: version.reason }, "model failed to load");
    }
    changed(entry);
  };

  const toEntry = async (found: FoundModel): Promise<Entry> => {
    for (const warning of found.warnings) logger.warn({ model: found.name, warning }, "model folder");
    let manifest: Manifest | undefined;
    let problem = found.problem ?? "";
    if (found.manifestPath !== undefined && problem === "") {
      try {
        manifest = parseManifest(await readFile(found.manifestPath, "utf8"));
      } catch (error) {
        problem = error instanceof ManifestError ? error.message : "model.yaml cannot be read.";
        logger.error({ model: found.name, err: error }, "model.yaml refused");
      }
    }
    const wanted = manifest === undefined || manifest.versions === "all" ? undefined : new Set(manifest.versions.map(String));
    const versions = found.versions
      .filter(({ version }) => wanted === undefined || wanted.has(version))
      .map(({ version, modelPath }) => new Version(found.name, version, modelPath, config, manifest));
    for (const version of versions) if (problem !== "") version.failed(problem);
    const missing = [...(wanted ?? [])].filter((number) => !versions.some(({ version }) => version === number));
    if (problem === "" && missing.length > 0) {
      const text = `model.yaml asks for version ${missing.join(", ")}, which the folder does not have.`;
      if (versions.length === 0) problem = text;
      logger.warn({ model: found.name }, text);
    }
    if (problem !== "") logger.error({ model: found.name, reason: problem }, "model cannot be served");
    return { name: found.name, manifest, versions, problem };
  };

  return {
    async load() {
      const found = await scanModelFolder(config.modelDir);
      for (const model of found) {
        const entry = await toEntry(model);
        entries.set(entry.name, entry);
      }
      const all = [...entries.values()];
      for (const entry of all) changed(entry);
      await Promise.all(
        all.flatMap((entry) => entry.versions.filter(({ state }) => state === "loading").map((version) => loadVersion(entry, version))),
      );
    },
    models: () => [...entries.values()].map(toView),
    model: (name) => toView(find(entries, name)),
    requiredReady: () =>
      [...entries.values()].every((entry) => entry.manifest?.required !== true || entry.versions.some(({ state }) => state === "ready")),
    route(model, number) {
      const entry = find(entries, model);
      if (number === "") {
        for (const version of entry.versions) if (version.servable !== undefined) return version.servable;
        throw notReady(entry, entry.versions[0]);
      }
      const version = entry.versions.find((candidate) => candidate.version === number);
      if (version === undefined) {
        throw new ServiceError("VERSION_NOT_FOUND", `Model ${quoteName(model)} has no version ${quoteName(number)}.`, {
          resource: { type: "model version", name: `${model}/${number}`.slice(0, 256) },
          metadata: { stage: "route" },
        });
      }
      if (version.servable === undefined) throw notReady(entry, version);
      return version.servable;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      const versions = [...entries.values()].flatMap((entry) => entry.versions);
      await Promise.all(versions.map((version) => version.close()));
    },
  };
}

function find(entries: ReadonlyMap<string, Entry>, name: string): Entry {
  const entry = entries.get(name);
  if (entry !== undefined) return entry;
  throw new ServiceError("MODEL_NOT_FOUND", name === "" ? "The request names no model." : `Model ${quoteName(name)} is not served here.`, {
    resource: { type: "model", name: name.slice(0, 256) },
    metadata: { stage: "route" },
  });
}

function notReady(entry: Entry, version: Version | undefined): ServiceError {
  const state = version?.state ?? "failed";
  const reason = version?.reason || entry.problem;
  return new ServiceError(
    "MODEL_NOT_READY",
    `Model ${quoteName(entry.name)} is ${state}${reason === "" ? "" : `: ${reason}`}`.slice(0, 500),
    {
      retryAfterMs: NOT_READY_RETRY_MS,
      metadata: { stage: "route", state },
    },
  );
}

function toView({ name, manifest, versions, problem }: Entry): ModelView {
  return {
    name,
    description: manifest?.description ?? "",
    required: manifest?.required ?? false,
    problem,
    defaultVersion: versions.find(({ servable }) => servable !== undefined)?.version ?? "",
    versions: versions.map((version) => version.view()),
  };
}
