// The optional model.yaml beside a model: what it may say, and how it is read.

import type { Config, Execution, Provider } from "../config/config.ts";
import { booleanField, type Field, intField, listField, mapField, objectField, stringField } from "../config/fields.ts";
import { settingField } from "../config/settings.ts";
import { show, showPath } from "../config/show.ts";
import { readYamlMapping } from "../config/yaml-mapping.ts";
import type { SpecNotes } from "../engine/backend.ts";
import type { PaddingOptions } from "../engine/padding-options.ts";
import type { Admission, GateRule } from "../engine/queue-policy.ts";
import type { ModelSettings } from "./model-settings.ts";
import { paddingField } from "./padding-field.ts";
import type { VersionPolicy } from "./version-policy.ts";

/** A model.yaml. What it does not say is undefined or empty. */
export interface Manifest {
  /** At most 1000 characters. */
  readonly description: string | undefined;
  /** Whether the server is SERVING only once this model is ready. */
  readonly required: boolean | undefined;
  /** Most rows in one run; 0: no batching. Undefined: what the file's shape allows, up to the server's setting. */
  readonly maxBatchSize: number | undefined;
  /** Inputs that may be padded, so that requests of different lengths share runs. */
  readonly padding: PaddingOptions | undefined;
  /** Which requests are refused on arrival because of their deadline. */
  readonly admission: Admission | undefined;
  /** The only sizes a run may have, all different; batches in between are filled up. */
  readonly allowedBatchSizes: readonly number[] | undefined;
  /** Sizes at which a batch stops waiting for more rows, all different. */
  readonly preferredBatchSizes: readonly number[] | undefined;
  /** Whether requests run and are answered in the order in which they were let in. */
  readonly preserveOrdering: boolean | undefined;
  /** Longest wait for a fuller batch in milliseconds. */
  readonly maxQueueDelayMs: number | undefined;
  /** When an idle instance waits for it. */
  readonly gate: GateRule | undefined;
  /** Most rows that may wait. */
  readonly maxQueueRows: number | undefined;
  /** Most input bytes that may wait. */
  readonly maxQueueBytes: number | undefined;
  /** Where its sessions live. */
  readonly execution: Execution | undefined;
  /** Sessions; 0: chosen from the cores. */
  readonly instances: number | undefined;
  /** Threads one run may use; 0: chosen from the cores. */
  readonly intraOpThreads: number | undefined;
  /** First choice first. */
  readonly executionProviders: readonly Provider[] | undefined;
  /** CUDA devices. */
  readonly deviceIds: readonly number[] | undefined;
  /** Whether instances, threads and batch size are found by a sweep where they are not given. */
  readonly tune: Config["tune"] | undefined;
  /** Time for that sweep, in milliseconds. */
  readonly tuneBudgetMs: number | undefined;
  /** Time within which callers want their answers, in milliseconds. */
  readonly objectiveMs: number | undefined;
  /** Warm-up runs for each batch size. */
  readonly warmupRuns: number | undefined;
  /** Time for warming one version up, in milliseconds. */
  readonly warmupBudgetMs: number | undefined;
  /** Length of each free dimension during warm-up, by its symbol. */
  readonly warmupDims: ReadonlyMap<string, number>;
  /** Versions to serve. */
  readonly versions: VersionPolicy | undefined;
  /** Notes on inputs, names all different. */
  readonly inputs: readonly SpecNotes[];
  /** Notes on outputs, names all different. */
  readonly outputs: readonly SpecNotes[];
}

/** Thrown for a model.yaml that cannot be used, with everything that is wrong. Never holds a path, so callers may be shown it. */
export class ManifestError extends Error {
  override readonly name = "ManifestError";
  /** One sentence for each problem: line, key, allowed range, given value. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const more = problems.length > MAX_SHOWN_PROBLEMS ? `; and ${problems.length - MAX_SHOWN_PROBLEMS} more` : "";
    super(`model.yaml cannot be used: ${problems.slice(0, MAX_SHOWN_PROBLEMS).join("; ")}${more}`);
    this.problems = problems;
  }
}

const MAX_SHOWN_PROBLEMS = 20;
const MAX_NAMES = 65_536;

const description = stringField(0, 1000);
const name = stringField(1, 256);
const columns = listField(name, { max: MAX_NAMES, uniqueBy: String });
const labels = listField(name, { max: MAX_NAMES });
const batchSizes = listField(intField(1, 65_536), { min: 1, max: 256, uniqueBy: String });

const notes = { name, description, columns };

const fields = {
  description,
  required: booleanField(),
  maxBatchSize: settingField("maxBatchSize"),
  padding: paddingField(),
  admission: settingField("admission"),
  allowedBatchSizes: batchSizes,
  preferredBatchSizes: batchSizes,
  preserveOrdering: booleanField(),
  maxQueueDelayMs: settingField("maxQueueDelayMs"),
  gate: settingField("gate"),
  maxQueueRows: settingField("maxQueueRows"),
  maxQueueBytes: settingField("maxQueueBytes"),
  execution: settingField("execution"),
  instances: settingField("instances"),
  intraOpThreads: settingField("intraOpThreads"),
  executionProviders: settingField("executionProviders"),
  deviceIds: settingField("deviceIds"),
  tune: settingField("tune"),
  tuneBudgetMs: settingField("tuneBudgetMs"),
  objectiveMs: settingField("objectiveMs"),
  warmupRuns: settingField("warmupRuns"),
  warmupBudgetMs: settingField("warmupBudgetMs"),
  warmupDims: mapField(intField(1, 65_536), { max: 256, maxKeyLength: 256 }),
  versions: versionsField(),
  inputs: listField(objectField(notes, ["name"]), { max: 1024, uniqueBy: (item) => item.name }),
  outputs: listField(objectField({ ...notes, labels }, ["name"]), { max: 1024, uniqueBy: (item) => item.name }),
};

/** Every key that a model.yaml may have. */
export const MANIFEST_KEYS: readonly string[] = Object.freeze(Object.keys(fields));

function versionsField(): Field<VersionPolicy> {
  const numbers = listField(intField(1, Number.MAX_SAFE_INTEGER), { min: 1, max: 1024, uniqueBy: String });
  const latest = objectField({ latest: intField(1, 1024) }, ["latest"]);
  const allowed = `"all", "latest: <count>" or ${numbers.allowed}`;
  return {
    allowed,
    read(value, path, report) {
      if (value === "all") return { kind: "all" };
      if (value instanceof Map) {
        const given = latest.read(value, path, report);
        return given === undefined ? undefined : { kind: "latest", count: given.latest };
      }
      if (Array.isArray(value)) {
        const versions = numbers.read(value, path, report)?.map(String);
        return versions === undefined ? undefined : { kind: "specific", versions };
      }
      report(path, `must be ${allowed}, got ${show(value)}`);
      return undefined;
    },
  };
}

/**
 * Reads the text of a model.yaml; an empty text gives the defaults.
 * @throws ManifestError naming everything that is wrong.
 */
export function parseManifest(text: string): Manifest {
  const yaml = readYamlMapping(text);
  const problems = [...yaml.problems];
  const given = objectField(fields).read(yaml.value ?? new Map(), [], (path, problem) => {
    problems.push(`line ${yaml.lineOf(path)}: ${showPath(path)} ${problem}`);
  });
  if (problems.length > 0 || given === undefined) throw new ManifestError(problems);
  return {
    description: given.description,
    required: given.required,
    maxBatchSize: given.maxBatchSize,
    padding: given.padding,
    admission: given.admission,
    allowedBatchSizes: given.allowedBatchSizes,
    preferredBatchSizes: given.preferredBatchSizes,
    preserveOrdering: given.preserveOrdering,
    maxQueueDelayMs: given.maxQueueDelayMs,
    gate: given.gate,
    maxQueueRows: given.maxQueueRows,
    maxQueueBytes: given.maxQueueBytes,
    execution: given.execution,
    instances: given.instances,
    intraOpThreads: given.intraOpThreads,
    executionProviders: given.executionProviders,
    deviceIds: given.deviceIds,
    tune: given.tune,
    tuneBudgetMs: given.tuneBudgetMs,
    objectiveMs: given.objectiveMs,
    warmupRuns: given.warmupRuns,
    warmupBudgetMs: given.warmupBudgetMs,
    warmupDims: given.warmupDims ?? new Map(),
    versions: given.versions,
    inputs: (given.inputs ?? []).map(completeNotes),
    outputs: (given.outputs ?? []).map(completeNotes),
  };
}

function completeNotes(given: Pick<SpecNotes, "name"> & Partial<SpecNotes>): SpecNotes {
  return { name: given.name, description: given.description ?? "", columns: given.columns ?? [], labels: given.labels ?? [] };
}

/** What the manifest says wins over the settings below it. */
export function overlayManifest(below: ModelSettings, manifest: Manifest): ModelSettings {
  const { inputs, outputs, warmupDims, ...given } = manifest;
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<ModelSettings>; // keys of both
  return {
    ...below,
    ...said,
    source: below.source === "none" ? "model.yaml" : below.source,
    warmupDims: warmupDims.size > 0 ? warmupDims : below.warmupDims,
    inputNotes: inputs.length > 0 ? inputs : below.inputNotes,
    outputNotes: outputs.length > 0 ? outputs : below.outputNotes,
  };
}
