// What is served: the models of a folder, their versions and where each stands; loaded at the start, and by call where that is allowed.

import { basename } from "node:path";
import type { ModelConfig } from "../../generated/inference/model_config.ts";
import type { Config } from "../config/config.ts";
import type { Backends } from "../engine/backend.ts";
import { ServiceError } from "../errors.ts";
import { quoteName } from "../predict/quote-name.ts";
import type { Route } from "../predict/servable.ts";
import type { Logger } from "../telemetry/logger.ts";
import { Entry } from "./entry.ts";
import { LoadTurns } from "./load-turns.ts";
import { loadVersion } from "./load-version.ts";
import type { ModelPlan, PlannedVersion } from "./model-plan.ts";
import { planModel } from "./model-plan.ts";
import type { OverrideFolder } from "./override-files.ts";
import { checkOverridePaths, writeOverrideFiles } from "./override-files.ts";
import { modelChanging, modelNotFound, notReady, serverClosing, versionNotFound } from "./refusals.ts";
import type { FoundModel } from "./source.ts";
import { findModel, isModelName, scanModelFolder } from "./source.ts";
import { completeConfig } from "./triton/complete-config.ts";
import { ConfigError } from "./triton/config-error.ts";
import { parseConfigJson } from "./triton/parse-config.ts";
import { Version } from "./version.ts";
import type { ModelView } from "./view.ts";

export type { ModelConfig } from "../../generated/inference/model_config.ts";

/** Longest text of a reason that a caller is told. */
const MAX_REASON_CHARS = 2000;

/** What the registry is made with. */
export interface RegistryOptions {
  readonly config: Config;
  readonly backends: Backends;
  readonly logger: Logger;
  /** Fires when the server begins to go away: sweeps end then, and their loads fail. Never by default. */
  readonly closing?: AbortSignal;
}

/** What a load call may bring. */
export interface LoadOverride {
  /** A ModelConfig as JSON, in place of config.pbtxt. */
  readonly config: string;
  /** Content by path `<version>/<file>`, in place of the model's own files; empty for none. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** The models of one folder. */
export interface Registry {
  /** Scans the folder and loads what is wanted. Resolves when every version is ready or failed; rejects only if the folder cannot be read. */
  load(): Promise<void>;
  /**
   * Loads one model beside what it serves, then lets the new versions take over. What has not changed is left alone.
   * Rejects with ServiceError MODEL_NOT_FOUND, MODEL_CHANGING, CONFIG_INVALID, FILE_INVALID, MODEL_LOAD_FAILED or SERVER_DRAINING; what
   * served goes on then, all of it.
   */
  loadModel(name: string, override?: LoadOverride): Promise<void>;
  /** Withdraws one model; resolves when everything that used it has ended. Rejects with MODEL_NOT_FOUND or MODEL_CHANGING. */
  unloadModel(name: string): Promise<void>;
  /** Looks at the folder again and shows every model, also those that have come or gone since, in name order. */
  index(): Promise<readonly ModelView[]>;
  /** Every model in name order. */
  models(): readonly ModelView[];
  /** One model. @throws ServiceError MODEL_NOT_FOUND. */
  model(name: string): ModelView;
  /** The configuration that acts, as Triton writes it. @param version "" for the default. @throws ServiceError like `route`. */
  modelConfig(name: string, version: string): ModelConfig;
  /** Whether every model marked `required` has a ready version; one that was set aside does not count. */
  requiredReady(): boolean;
  /** Chooses the version that answers. @throws ServiceError. */
  readonly route: Route;
  /** Called whenever a model's state changes. The result ends it. */
  onChange(listener: (model: ModelView) => void): () => void;
  /** Finishes what is running and frees everything. */
  close(): Promise<void>;
}

/** A version that is brought up, and the one of its number that answers until then. */
interface Load {
  readonly next: Version;
  readonly current: Version | undefined;
}

/** Makes the registry. */
export function createRegistry({ config, backends, logger, closing: stopping = new AbortController().signal }: RegistryOptions): Registry {
  const turns = new LoadTurns();
  const entries = new Map<string, Entry>();
  const listeners = new Set<(model: ModelView) => void>();
  /** Loads, unloads and versions that drain: what has to end before everything is freed. */
  const underWay = new Set<Promise<unknown>>();
  /** Folders of override files, each gone once nothing reads them. */
  const cleanups = new Set<Promise<void>>();
  let isClosing = false;
  const track = <T>(work: Promise<T>): Promise<T> => {
    const settled = work.catch(() => {}).finally(() => underWay.delete(settled));
    underWay.add(settled);
    return work;
  };
  const changed = (entry: Entry): void => {
    const view = entry.view();
    for (const listener of listeners) listener(view);
  };
  const entryOf = (name: string): Entry => {
    let entry = entries.get(name);
    if (entry === undefined) entries.set(name, (entry = new Entry(name)));
    return entry;
  };
  const servedCount = (): number =>
    [...entries.values()].reduce((sum, { versions }) => sum + versions.filter(({ state }) => state !== "unloaded").length, 0);
  const newVersion = (plan: Pick<ModelPlan, "name" | "settings">, { version, modelPath, fingerprint }: PlannedVersion): Version =>
    new Version({ model: plan.name, version, path: modelPath, fingerprint, settings: plan.settings, config });

  const retire = (entry: Entry, version: Version, reason: string): void => {
    void track(version.close(reason)).then(() => changed(entry));
  };

  const loadOne = async (entry: Entry, plan: ModelPlan, version: Version): Promise<void> => {
    const log = logger.child({ model: entry.name, version: version.version });
    const modelCount = Math.max(1, servedCount());
    await loadVersion(version, plan, {
      config,
      backends,
      logger: log,
      turns,
      closing: stopping,
      modelCount,
      onWarming: () => changed(entry),
    });
    if (version.state === "ready" && plan.warnings.length > 0) version.note([version.reason, plan.warnings.join("; ")].join(" ").trim());
  };

  /** Versions to be loaded and what they will replace; shown as loading where nothing of the model answers yet. */
  const announce = (entry: Entry, plan: ModelPlan): readonly Load[] => {
    for (const warning of plan.warnings) logger.warn({ model: entry.name, warning }, "model folder");
    const loads = plan.versions.flatMap((planned) => {
      const found = entry.find(planned.version);
      const current = found?.state === "ready" ? found : undefined;
      return current?.fingerprint === planned.fingerprint ? [] : [{ next: newVersion(plan, planned), current }];
    });
    if (entry.default() === undefined) {
      adopt(entry, plan);
      for (const { next } of loads) entry.publish(next);
      changed(entry);
    }
    return loads;
  };

  /** Of a load that failed nothing takes over: what has come up is freed, and what serves goes on as it is. */
  const giveUp = async (entry: Entry, loads: readonly Load[]): Promise<void> => {
    const freed = loads.map(({ next, current }) => {
      const closing = track(next.close("not taken over: another version could not be loaded"));
      if (current === undefined) entry.publish(next);
      else if (next.state === "failed") current.note(`Loading it again failed: ${next.reason}`);
      return closing;
    });
    changed(entry);
    await Promise.all(freed);
    changed(entry);
  };

  /**
   * Loads beside what serves and lets all of it take over, or nothing; where nothing serves, each version that is good.
   * @returns why versions could not be loaded.
   */
  const bringUp = async (entry: Entry, plan: ModelPlan): Promise<readonly string[]> => {
    const isFresh = entry.default() === undefined;
    const loads = announce(entry, plan);
    await Promise.all(
      loads.map(async ({ next }) => {
        await loadOne(entry, plan, next);
        if (isFresh) changed(entry);
      }),
    );
    const failures = loads.flatMap(({ next }) => (next.state === "failed" ? [`version ${next.version}: ${next.reason}`] : []));
    if (entry.default() !== undefined) entry.setAside = false;
    if (failures.length > 0) {
      if (!isFresh) await giveUp(entry, loads);
      return failures;
    }
    adopt(entry, plan);
    // One step: there is no moment without a version that answers.
    for (const { next, current } of loads) {
      entry.publish(next);
      if (current !== undefined) retire(entry, current, "replaced");
    }
    for (const version of entry.versions) {
      if (plan.versions.some((planned) => planned.version === version.version)) continue;
      entry.withdraw(version);
      retire(entry, version, "no longer wanted");
    }
    changed(entry);
    return failures;
  };

  const showProblem = (entry: Entry, found: FoundModel, plan: ModelPlan): void => {
    logger.error({ model: entry.name, reason: plan.problem }, "model cannot be served");
    adopt(entry, plan);
    for (const version of found.versions) {
      const failed = newVersion(plan, { ...version, fingerprint: "" });
      failed.failed(plan.problem);
      entry.publish(failed);
    }
    changed(entry);
  };

  const showNotLoaded = (entry: Entry, { name, versions }: FoundModel): void => {
    entry.setAside = true;
    for (const version of versions) {
      const shown = newVersion({ name, settings: entry.settings }, { ...version, fingerprint: "" });
      shown.notLoaded();
      entry.publish(shown);
    }
    changed(entry);
  };

  const wantedAtStart = (name: string): boolean =>
    config.modelControl === "none" || config.loadModels.includes("*") || config.loadModels.includes(name);

  /** One load or unload of a model at a time; others are told to come again. */
  const exclusively = <T>(entry: Entry, work: () => Promise<T>): Promise<T> => {
    if (isClosing) throw serverClosing();
    if (entry.changing) throw modelChanging(entry.name);
    entry.changing = true;
    return track(
      work().finally(() => {
        entry.changing = false;
      }),
    );
  };

  const loadFrom = async (root: string, found: FoundModel, entry: Entry, override?: LoadOverride): Promise<void> => {
    const plan = await planModel(root, found, override === undefined ? undefined : parseOverride(override.config));
    if (plan.problem !== "") {
      if (entry.default() === undefined) showProblem(entry, found, plan);
      throw loadFailed(entry.name, plan.problem);
    }
    const failures = await bringUp(entry, plan);
    if (failures.length > 0) throw loadFailed(entry.name, failures.join("; "));
  };

  return {
    async load() {
      const wanted: { readonly entry: Entry; readonly found: FoundModel }[] = [];
      for (const found of await scanModelFolder(config.modelDir)) {
        const entry = entryOf(found.name);
        const isWanted = wantedAtStart(found.name);
        if (isWanted) entry.setAside = false;
        // A call may have been faster.
        if (entry.changing || entry.default() !== undefined) continue;
        if (isWanted) wanted.push({ entry, found });
        else if (entry.versions.length === 0) showNotLoaded(entry, found);
      }
      for (const name of config.loadModels) {
        if (name !== "*" && !entries.has(name)) logger.error({ model: name }, "a model of loadModels is not in the folder");
      }
      // Everything is announced before anything is loaded: how many there are decides how many threads each gets.
      const announced = Promise.all(wanted.map(({ found }) => planModel(config.modelDir, found))).then((plans) =>
        plans.map((plan, index) => {
          const { entry, found } = wanted[index]!;
          if (plan.problem === "") return { plan, loads: announce(entry, plan) };
          showProblem(entry, found, plan);
          return { plan, loads: [] };
        }),
      );
      await Promise.all(
        wanted.map(({ entry }, index) =>
          exclusively(entry, async () => {
            const { plan, loads } = (await announced)[index]!;
            await Promise.all(
              loads.map(async ({ next }) => {
                await loadOne(entry, plan, next);
                changed(entry);
              }),
            );
          }),
        ),
      );
    },
    async loadModel(name, override) {
      const paths = [...(override?.files.keys() ?? [])];
      checkOverridePaths(paths);
      const found = await findModel(config.modelDir, name);
      if (found === undefined && paths.length === 0) throw modelNotFound(name);
      if (found === undefined && !isModelName(name)) throw modelNotFound(name);
      const isNew = !entries.has(name);
      const entry = entryOf(name);
      // Nobody has asked for it at the start, so the server is as ready without it.
      if (isNew) entry.setAside = true;
      const loading = exclusively(entry, async () => {
        if (override === undefined || paths.length === 0) return loadFrom(config.modelDir, found!, entry, override);
        const folder = await writeOverrideFiles(name, override.files);
        try {
          const written = await findModel(folder.root, name);
          if (written === undefined) throw loadFailed(name, "The files of the call are no model.");
          await loadFrom(folder.root, written, entry, override);
        } finally {
          const users = usersOf(folder, entry);
          if (users.length === 0) await folder.remove();
          else {
            const cleanup = removeAfter(users, folder)
              .catch((error: unknown) => logger.error({ err: error, model: name }, "files of a load call are left behind"))
              .finally(() => cleanups.delete(cleanup));
            cleanups.add(cleanup);
          }
        }
      });
      await loading.finally(() => {
        // A model that never came to be is not known.
        if (found === undefined && isLeftOver(entry)) entries.delete(name);
      });
    },
    async unloadModel(name) {
      const entry = find(entries, name);
      await exclusively(entry, async () => {
        entry.setAside = true;
        const closing = entry.versions.map((version) => version.close("unloaded"));
        changed(entry);
        await Promise.all(closing);
        changed(entry);
      });
    },
    async index() {
      const found = await scanModelFolder(config.modelDir);
      for (const model of found) {
        const entry = entryOf(model.name);
        if (entry.versions.length > 0 || entry.changing || entry.problem !== "") continue;
        entry.setAside = true;
        if (model.problem === undefined) showNotLoaded(entry, model);
        else entry.problem = model.problem;
      }
      for (const entry of entries.values()) {
        const isThere = found.some(({ name }) => name === entry.name);
        if (!isThere && isLeftOver(entry)) entries.delete(entry.name);
      }
      return inOrder(entries).map((entry) => entry.view());
    },
    models: () => inOrder(entries).map((entry) => entry.view()),
    model: (name) => find(entries, name).view(),
    modelConfig(name, number) {
      const entry = find(entries, name);
      const version = servableVersion(entry, number);
      const { settings, path, loaded } = version;
      const maxQueueDelayMs = settings.maxQueueDelayMs ?? config.maxQueueDelayMs;
      return completeConfig({ name, settings, loaded: loaded!, maxQueueDelayMs, modelFile: basename(path) });
    },
    requiredReady: () =>
      [...entries.values()].every((entry) => !entry.settings.required || entry.setAside || entry.default() !== undefined),
    route: (name, number) => servableVersion(find(entries, name), number).servable!,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      isClosing = true;
      while (underWay.size > 0) await Promise.all(underWay);
      await Promise.all([...entries.values()].flatMap(({ versions }) => versions.map((version) => version.close())));
      await Promise.all(cleanups);
    },
  };
}

function adopt(entry: Entry, { settings, problem }: ModelPlan): void {
  entry.settings = settings;
  entry.problem = problem;
}

/** Whether nothing of a model answers or is about to. */
function isLeftOver({ changing, versions }: Entry): boolean {
  return !changing && versions.every(({ state }) => state === "unloaded" || state === "failed");
}

/** The versions that read override files. */
function usersOf({ root }: OverrideFolder, { versions }: Entry): readonly Version[] {
  return versions.filter(({ path, state }) => path.startsWith(root) && (state === "ready" || state === "draining"));
}

/** Override files lie where the sessions read them until no version made from them is left. */
async function removeAfter(users: readonly Version[], folder: OverrideFolder): Promise<void> {
  await Promise.all(users.map((version) => version.gone));
  await folder.remove();
}

function find(entries: ReadonlyMap<string, Entry>, name: string): Entry {
  const entry = entries.get(name);
  if (entry === undefined) throw modelNotFound(name);
  return entry;
}

/** @throws ServiceError VERSION_NOT_FOUND or MODEL_NOT_READY. */
function servableVersion(entry: Entry, number: string): Version {
  const version = number === "" ? entry.default() : entry.find(number);
  if (version?.servable !== undefined) return version;
  if (number !== "" && version === undefined) throw versionNotFound(entry.name, number);
  throw notReady(entry, version ?? entry.versions[0]);
}

function inOrder(entries: ReadonlyMap<string, Entry>): readonly Entry[] {
  return [...entries.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function parseOverride(text: string): ReturnType<typeof parseConfigJson> {
  try {
    return parseConfigJson(text);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ServiceError("CONFIG_INVALID", error.message.slice(0, MAX_REASON_CHARS), {
      violations: [{ field: 'parameters["config"]', description: error.message.slice(0, MAX_REASON_CHARS) }],
    });
  }
}

function loadFailed(name: string, reason: string): ServiceError {
  return new ServiceError("MODEL_LOAD_FAILED", `Model ${quoteName(name)} could not be loaded: ${reason}`.slice(0, MAX_REASON_CHARS), {
    resource: { type: "model", name: name.slice(0, 256) },
  });
}
