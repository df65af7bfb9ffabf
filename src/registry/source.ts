// Finds the models of a folder: which names, which versions, which files. Opens no model.

import type { Stats } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import { quote } from "../config/show.ts";

/** One version of a found model. */
export interface FoundVersion {
  /** Decimal number from 1 to 2^63 - 1 without leading zeros. */
  readonly version: string;
  /** Absolute path of the model file, not resolved through links, so that external data beside it is found. */
  readonly modelPath: string;
}

/** One entry of the model folder that is, or should be, a model. */
export interface FoundModel {
  /** 1 to 128 letters, digits, `_`, `-` and `.`; for a bad name the name in quotes with everything odd escaped. */
  readonly name: string;
  /** Absolute path of the model's own folder; undefined for a bare file. */
  readonly folder: string | undefined;
  /** Absolute path of model.yaml, where there is one. */
  readonly manifestPath: string | undefined;
  /** Absolute path of config.pbtxt, where there is one. */
  readonly configPath: string | undefined;
  /** Highest first; empty when there is a problem. */
  readonly versions: readonly FoundVersion[];
  /** Why nothing of this entry can be served; holds no path. */
  readonly problem: string | undefined;
  /** What was left out and why, although something can be served; holds no path. */
  readonly warnings: readonly string[];
}

/** Thrown when the model folder itself cannot be read. For the operator; names the folder as it was given. */
export class ModelFolderError extends Error {
  override readonly name = "ModelFolderError";
}

const MODEL_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const NAME_RULE = "a model name has 1 to 128 letters, digits, _, - or . and starts with a letter, a digit or _";
const MODEL_SUFFIX = ".onnx";
const MODEL_FILE = "model.onnx";
const MANIFEST_FILE = "model.yaml";
const CONFIG_FILE = "config.pbtxt";
/** Longest file name that any file system has. */
const MAX_NAME_CHARS = 255;
const MAX_VERSION = 9_223_372_036_854_775_807n;

/**
 * Finds `<name>/<version>/model.onnx`, `<name>/model.onnx` (version 1) and `<name>.onnx` (version 1), in the order of their names.
 * A folder that holds exactly one `.onnx` file of another name is taken to mean that one. Version folders win over a model file beside
 * them, and a folder wins over a bare file of the same name; both leave a warning. Hidden entries, and folders with neither a model
 * nor a configuration nor the folder of a version, are passed over. Links may point anywhere within the folder; those that leave it are a problem.
 * @throws ModelFolderError if the folder is missing, is not a folder or cannot be read.
 */
export async function scanModelFolder(dir: string): Promise<readonly FoundModel[]> {
  return scan(dir, () => true);
}

/** Finds one model by its name. @throws ModelFolderError like `scanModelFolder`. */
export async function findModel(dir: string, name: string): Promise<FoundModel | undefined> {
  const models = await scan(dir, (entry) => entry === name || entry === name + MODEL_SUFFIX);
  return models.find((model) => model.name === name);
}

/** Whether a model may have this name. */
export function isModelName(name: string): boolean {
  return MODEL_NAME.test(name);
}

async function scan(dir: string, wanted: (entryName: string) => boolean): Promise<readonly FoundModel[]> {
  const folder = resolve(dir);
  let root: string;
  let entries: readonly Entry[];
  try {
    root = await realpath(folder);
    entries = await listFolder(root, folder);
  } catch (error) {
    throw new ModelFolderError(`The model folder ${dir} ${folderFlaw(error)}`, { cause: error });
  }
  const own = entries.find(({ name, kind }) => kind === "file" && (name === MANIFEST_FILE || name === CONFIG_FILE));
  if (own !== undefined && entries.some(({ name, kind }) => kind === "folder" && isVersion(name))) {
    throw new ModelFolderError(`The model folder ${dir} holds a ${own.name}: it is the folder of one model. Serve the folder above it.`);
  }
  const found = new Map<string, FoundModel>();
  for (const entry of entries) {
    if (!wanted(entry.name)) continue;
    const model = await modelOf(root, entry);
    if (model === undefined) continue;
    const name = entry.kind === "folder" ? entry.name : withoutSuffix(entry.name);
    // A folder sorts before the bare file of its name, so the first one found is the folder.
    const folderModel = found.get(name);
    const leftOut = `${quote(entry.name)} beside the folder of the same name is left out`;
    found.set(name, folderModel === undefined ? model : { ...folderModel, warnings: [...folderModel.warnings, leftOut] });
  }
  return [...found.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

interface Entry {
  readonly name: string;
  readonly path: string;
  readonly kind: "file" | "folder" | "unknown";
  /** Why it may not be used, continuing a sentence; undefined when it may. */
  readonly flaw: string | undefined;
}

async function listFolder(root: string, folder: string): Promise<readonly Entry[]> {
  const visible = (await readdir(folder, { withFileTypes: true })).filter((dirent) => !dirent.name.startsWith("."));
  const entries = await Promise.all(
    visible.map(async (dirent): Promise<Entry> => {
      const path = join(folder, dirent.name);
      if (dirent.isSymbolicLink()) return { name: dirent.name, path, ...(await followLink(root, path)) };
      return { name: dirent.name, path, kind: kindOf(dirent), flaw: flawOf(dirent) };
    }),
  );
  return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function followLink(root: string, path: string): Promise<Pick<Entry, "kind" | "flaw">> {
  try {
    const [target, stats] = [await realpath(path), await stat(path)];
    const inside = target === root || target.startsWith(root.endsWith(sep) ? root : root + sep);
    return { kind: kindOf(stats), flaw: inside ? flawOf(stats) : "is a link that leaves the model folder" };
  } catch (error) {
    return { kind: "unknown", flaw: `is a link that cannot be followed (${codeOf(error)})` };
  }
}

type FileType = Pick<Stats, "isFile" | "isDirectory">;

function kindOf(type: FileType): Entry["kind"] {
  return type.isFile() ? "file" : type.isDirectory() ? "folder" : "unknown";
}

function flawOf(type: FileType): string | undefined {
  return kindOf(type) === "unknown" ? "is neither a file nor a folder" : undefined;
}

async function modelOf(root: string, entry: Entry): Promise<FoundModel | undefined> {
  if (entry.flaw !== undefined) return mayBeModel(entry) ? brokenModel(withoutSuffix(entry.name), `the entry ${entry.flaw}`) : undefined;
  if (entry.kind === "folder") return entry.name === "lost+found" ? undefined : modelOfFolder(root, entry);
  if (!entry.name.endsWith(MODEL_SUFFIX)) return undefined;
  const name = withoutSuffix(entry.name);
  if (!MODEL_NAME.test(name)) return brokenModel(name);
  const versions = [{ version: "1", modelPath: entry.path }];
  return { name, folder: undefined, manifestPath: undefined, configPath: undefined, versions, problem: undefined, warnings: [] };
}

/** Whether an entry that may not be used was meant as a model: a link to some other file, e.g. a README, is nobody's concern. */
function mayBeModel(entry: Entry): boolean {
  return entry.name.endsWith(MODEL_SUFFIX) || entry.kind === "folder" || (entry.kind === "unknown" && !entry.name.includes("."));
}

async function modelOfFolder(root: string, { name, path }: Entry): Promise<FoundModel | undefined> {
  let entries: readonly Entry[];
  try {
    entries = await listFolder(root, path);
  } catch (error) {
    return brokenModel(name, `the folder cannot be read (${codeOf(error)})`);
  }
  const manifest = entries.find((entry) => entry.name === MANIFEST_FILE && entry.kind !== "folder");
  const config = entries.find((entry) => entry.name === CONFIG_FILE && entry.kind !== "folder");
  const own = pickModelFile(entries, undefined);
  const { versions, notes, holdsModel } = await findVersions(root, entries, undefined);
  const isMeant =
    manifest !== undefined || config !== undefined || entries.some((entry) => entry.kind === "folder" && isVersion(entry.name));
  if (own === undefined && !holdsModel && !isMeant) return undefined;
  if (!MODEL_NAME.test(name)) return brokenModel(name);

  const places = { folder: path, manifestPath: manifest?.path, configPath: config?.path };
  const found = { name, ...places, problem: undefined };
  for (const file of [manifest, config]) {
    if (file?.flaw !== undefined) return { ...brokenModel(name, `${file.name} ${file.flaw}`), folder: path };
  }
  if (versions.length > 0) {
    const leftOut = own === undefined ? [] : ["the .onnx file beside the version folders is left out"];
    return { ...found, versions, warnings: [...notes, ...leftOut] };
  }
  if (!holdsModel && own?.path !== undefined) return { ...found, versions: [{ version: "1", modelPath: own.path }], warnings: notes };
  const details = [...(own?.flaw === undefined ? [] : [`the folder ${own.flaw}`]), ...notes];
  return { ...brokenModel(name, details.join("; ") || "the folder holds neither model.onnx nor <version>/model.onnx"), ...places };
}

/**
 * The versions of one model whose file has a name of its own.
 * @param folder the model's own folder. @param root the folder of all models, which links may not leave.
 * @param modelFile name of the file within each version's folder. @returns versions, highest first, and what is wrong with others.
 */
export async function findNamedVersions(
  root: string,
  folder: string,
  modelFile: string,
): Promise<Pick<FoundVersions, "versions" | "notes">> {
  const top = await realpath(resolve(root));
  return findVersions(top, await listFolder(top, folder), modelFile);
}

interface FoundVersions {
  /** Highest first. */
  readonly versions: readonly FoundVersion[];
  /** What is wrong with other version folders. */
  readonly notes: readonly string[];
  /** Whether any version folder, good or bad, holds or may hold a model. */
  readonly holdsModel: boolean;
}

async function findVersions(root: string, entries: readonly Entry[], modelFile: string | undefined): Promise<FoundVersions> {
  const versions: FoundVersion[] = [];
  const notes: string[] = [];
  let holdsModel = false;
  for (const entry of entries) {
    if (!/^\d+$/.test(entry.name) || (entry.kind === "file" && entry.flaw === undefined)) continue;
    const picked = await pickVersionFile(root, entry, modelFile);
    holdsModel ||= picked !== undefined;
    if (picked === undefined)
      notes.push(`version ${entry.name} holds no ${modelFile === undefined ? MODEL_SUFFIX : quote(modelFile)} file`);
    else if (!isVersion(entry.name))
      notes.push(`folder ${entry.name} is not a version, which is a number from 1 to ${MAX_VERSION} without leading zeros`);
    else if (picked.path === undefined) notes.push(`version ${entry.name} ${picked.flaw}`);
    else versions.push({ version: entry.name, modelPath: picked.path });
  }
  versions.sort((a, b) => (BigInt(a.version) > BigInt(b.version) ? -1 : 1));
  return { versions, notes, holdsModel };
}

type Picked = { readonly path: string; readonly flaw?: undefined } | { readonly path?: undefined; readonly flaw: string };

async function pickVersionFile(root: string, folder: Entry, modelFile: string | undefined): Promise<Picked | undefined> {
  if (folder.flaw !== undefined) return { flaw: folder.flaw };
  try {
    const entries = await listFolder(root, folder.path);
    // A model with data beside it may be a folder of the file's own name.
    const inner = entries.find((entry) => entry.name === (modelFile ?? MODEL_FILE) && entry.kind === "folder");
    const picked = inner?.flaw === undefined && inner !== undefined ? await listFolder(root, inner.path) : entries;
    return pickModelFile(picked, modelFile);
  } catch (error) {
    return { flaw: `cannot be read (${codeOf(error)})` };
  }
}

/** The model file of a folder, why there is none although there should be, or undefined when nothing looks like a model. */
function pickModelFile(entries: readonly Entry[], modelFile: string | undefined): Picked | undefined {
  const candidates = entries.filter((entry) => isCandidate(entry, modelFile));
  const chosen = candidates.find((entry) => entry.name === MODEL_FILE) ?? (candidates.length === 1 ? candidates[0] : undefined);
  if (chosen?.flaw !== undefined) return { flaw: `holds ${quote(chosen.name)}, which ${chosen.flaw}` };
  if (chosen !== undefined) return { path: chosen.path };
  return candidates.length === 0 ? undefined : { flaw: `holds ${candidates.length} .onnx files, none of them named ${MODEL_FILE}` };
}

function isCandidate({ name, kind }: Entry, modelFile: string | undefined): boolean {
  return kind !== "folder" && (modelFile === undefined ? name.endsWith(MODEL_SUFFIX) : name === modelFile);
}

function isVersion(name: string): boolean {
  return /^[1-9]\d{0,18}$/.test(name) && BigInt(name) <= MAX_VERSION;
}

/** An entry that cannot be served; a bad name is the problem when there is no other. */
function brokenModel(name: string, problem = `the name is not allowed: ${NAME_RULE}`): FoundModel {
  const shown = MODEL_NAME.test(name) ? name : quote(name, MAX_NAME_CHARS);
  return { name: shown, folder: undefined, manifestPath: undefined, configPath: undefined, versions: [], problem, warnings: [] };
}

function withoutSuffix(name: string): string {
  return name.endsWith(MODEL_SUFFIX) ? name.slice(0, -MODEL_SUFFIX.length) : name;
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "unknown error";
}

function folderFlaw(error: unknown): string {
  const code = codeOf(error);
  if (code === "ENOENT") return "does not exist";
  return code === "ENOTDIR" ? "is not a folder" : `cannot be read (${code})`;
}
