// What is to be served of a found model: its settings, from whichever files it has, and its versions.

import { basename } from "node:path";
import { ModelConfig } from "../../generated/inference/model_config.ts";
import type { SpecNotes, WarmupSample } from "../engine/backend.ts";
import { whyOutOfOrder } from "../engine/queue-policy.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { Manifest } from "./manifest.ts";
import { ManifestError, overlayManifest, parseManifest } from "./manifest.ts";
import { ModelFileError, readLabels, readText, readWarmupSamples } from "./model-files.ts";
import type { ModelSettings } from "./model-settings.ts";
import { DEFAULT_MODEL_SETTINGS } from "./model-settings.ts";
import type { FoundModel, FoundVersion } from "./source.ts";
import { findNamedVersions } from "./source.ts";
import { mapConfig } from "./triton/map-config.ts";
import type { GivenConfig } from "./triton/parse-config.ts";
import { ConfigError } from "./triton/config-error.ts";
import { parseConfigText } from "./triton/parse-config.ts";
import { chooseVersions } from "./version-policy.ts";

/** Longest text of a problem and of a warning; a configuration may have thousands of wrong places. */
const MAX_PROBLEM_CHARS = 2000;

/** A version that is to be served. */
export interface PlannedVersion extends FoundVersion {
  /** Changes when the configuration or a file of the version changes. */
  readonly fingerprint: string;
}

/** What is to be served of one model. */
export interface ModelPlan {
  readonly name: string;
  readonly settings: ModelSettings;
  readonly warmupSamples: readonly WarmupSample[];
  /** Highest first; empty when there is a problem. */
  readonly versions: readonly PlannedVersion[];
  /** Why nothing can be served; "" when it can. Holds no path. */
  readonly problem: string;
  /** What is not served or not honoured, and why; holds no path. */
  readonly warnings: readonly string[];
}

/** @param root the folder of all models. @param given a configuration that replaces config.pbtxt. Never rejects because of the model. */
export async function planModel(root: string, found: FoundModel, given?: GivenConfig): Promise<ModelPlan> {
  const plan = { name: found.name, warmupSamples: [], versions: [], warnings: found.warnings };
  let known = DEFAULT_MODEL_SETTINGS;
  try {
    const manifest = await readManifest(found);
    // Also of a model that cannot be served it is known whether it is required.
    known = overlay(known, manifest?.manifest);
    const { settings, texts, warnings } = await readSettings(found, manifest, given);
    const { versions, notes } = await findVersions(root, found, settings);
    const { wanted, missing } = chooseVersions(
      settings.versions,
      versions.map(({ version }) => version),
    );
    const absent =
      missing.length === 0 ? [] : [`The configuration asks for version ${missing.join(", ")}, which the folder does not have.`];
    if (wanted.length === 0) throw new Problem([...absent, ...notes].join("; ") || "The folder holds no version to serve.");
    const { folder } = found;
    const complete = folder === undefined ? settings : withLabels(settings, await readLabels(folder, settings));
    const warmupSamples = folder === undefined ? [] : await readWarmupSamples(folder, settings);
    const planned = versions.filter(({ version }) => wanted.includes(version));
    return {
      ...plan,
      settings: complete,
      warmupSamples,
      versions: await Promise.all(
        planned.map(async (version) => ({ ...version, fingerprint: await fingerprintOf({ version, model: found, settings, texts }) })),
      ),
      problem: "",
      warnings: [...found.warnings, ...notes, ...absent, ...warnings].map((text) => text.slice(0, MAX_PROBLEM_CHARS)),
    };
  } catch (error) {
    return { ...plan, settings: known, problem: explain(error).slice(0, MAX_PROBLEM_CHARS) };
  }
}

/** A reason in words that callers may see. */
class Problem extends Error {}

function explain(error: unknown): string {
  const tellable = [Problem, ManifestError, ConfigError, ModelFileError].some((kind) => error instanceof kind);
  if (tellable) return (error as Error).message;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === undefined) throw error;
  return `A file of the model cannot be read (${code}).`;
}

interface ReadSettings {
  readonly settings: ModelSettings;
  /** Everything that the settings were made from. */
  readonly texts: readonly string[];
  readonly warnings: readonly string[];
}

interface ReadManifest {
  readonly text: string;
  readonly manifest: Manifest;
}

async function readManifest({ manifestPath }: FoundModel): Promise<ReadManifest | undefined> {
  if (manifestPath === undefined) return undefined;
  const text = await readText(manifestPath);
  return { text, manifest: parseManifest(text) };
}

async function readSettings(found: FoundModel, read: ReadManifest | undefined, given: GivenConfig | undefined): Promise<ReadSettings> {
  const manifest = read?.manifest;
  const configText = given !== undefined || found.configPath === undefined ? undefined : await readText(found.configPath);
  const config = given ?? (configText === undefined ? undefined : parseConfigText(configText));
  const texts = [read?.text ?? "", configText ?? (given === undefined ? "" : textOf(given))];
  if (config === undefined) return { settings: overlay(DEFAULT_MODEL_SETTINGS, manifest), texts, warnings: [] };
  const { settings, findings } = mapConfig(found.name, config);
  const refusals = findings.filter(({ level }) => level === "refusal");
  const source = given === undefined ? "config.pbtxt" : "The configuration";
  if (refusals.length > 0) {
    throw new Problem(`${source} cannot be served: ${refusals.map(({ field, text }) => `${field}: ${text}`).join("; ")}`);
  }
  const warnings = findings.filter(({ level }) => level === "warning").map(({ field, text }) => `${source}: ${field}: ${text}`);
  const unordered = given === undefined && manifest?.preserveOrdering === true ? whyOutOfOrder(settings.queue) : undefined;
  if (unordered !== undefined) throw new Problem(`model.yaml asks for preserveOrdering, but config.pbtxt has ${unordered}.`);
  // Who sends a configuration wants it to hold as it is; what it has no words for stays.
  const below = given === undefined ? overlay(settings, manifest) : { ...settings, source: "load call" as const, ...describing(manifest) };
  return { settings: below, texts, warnings };
}

function overlay(settings: ModelSettings, manifest: Manifest | undefined): ModelSettings {
  return manifest === undefined ? settings : overlayManifest(settings, manifest);
}

function describing(manifest: Manifest | undefined): Partial<ModelSettings> {
  if (manifest === undefined) return {};
  const { description = "", required = false, allowedBatchSizes = [], padding, inputs, outputs } = manifest;
  return { description, required, allowedBatchSizes, padding, inputNotes: inputs, outputNotes: outputs };
}

/** Equal for configurations that mean the same. */
function textOf({ config, givenMaxBatchSize }: GivenConfig): string {
  return `${givenMaxBatchSize} ${Buffer.from(ModelConfig.encode(config).finish()).toString("base64")}`;
}

async function findVersions(
  root: string,
  found: FoundModel,
  { modelFile }: ModelSettings,
): Promise<{ readonly versions: readonly FoundVersion[]; readonly notes: readonly string[] }> {
  const isOnlyFile = found.versions.length === 1 && basename(found.versions[0]!.modelPath) === modelFile;
  if (modelFile !== undefined && found.folder !== undefined && !isOnlyFile) return findNamedVersions(root, found.folder, modelFile);
  if (found.problem !== undefined) throw new Problem(found.problem);
  return { versions: found.versions, notes: [] };
}

function withLabels(settings: ModelSettings, labels: ReadonlyMap<string, readonly string[]>): ModelSettings {
  if (labels.size === 0) return settings;
  const { outputNotes, source } = settings;
  // Ours wins for what it says, unless a caller has said otherwise.
  const isSaid = ({ labels: own }: SpecNotes): boolean => own.length > 0 && source !== "load call";
  const noted = outputNotes.map((note) => (isSaid(note) ? note : { ...note, labels: labels.get(note.name) ?? note.labels }));
  const more = [...labels].filter(([output]) => !outputNotes.some(({ name }) => name === output));
  return { ...settings, outputNotes: [...noted, ...more.map(([name, names]) => ({ name, description: "", columns: [], labels: names }))] };
}
