// Puts the configuration together: defaults, then predictd.yaml, then the environment, then flags.

import { readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { basename, dirname, resolve } from "node:path";
import type { Config } from "./config.ts";
import { ConfigError } from "./config-error.ts";
import { isServiceLink } from "./service-link.ts";
import { nearestName } from "./nearest-name.ts";
import { envName, flagName, type Machine } from "./setting.ts";
import { SETTING_KEYS, settingField, settingOf } from "./settings.ts";
import { showPath } from "./show.ts";
import { readYamlMapping } from "./yaml-mapping.ts";

/** Name of the configuration file that is read from the working directory when none is named. */
export const CONFIG_FILE = "predictd.yaml";

/** Environment name of the configuration file's path; `configFile` wins over it. */
export const CONFIG_FILE_ENV = "PREDICTD_CONFIG";

/** Where the configuration comes from. */
export interface ConfigSources {
  /** Flags by setting name (`grpcPort`), as text or already typed; undefined means not given. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** The environment. Empty values count as not given, and so do the links that Kubernetes sets for a service named predictd. */
  readonly env: NodeJS.ProcessEnv;
  /** Working directory. */
  readonly cwd: string;
  /** Path of the configuration file (`--config`); it must exist. Else `PREDICTD_CONFIG`, else `predictd.yaml` where there is one. */
  readonly configFile?: string;
  /** What machine-dependent defaults are made from; this machine by default. */
  readonly machine?: Machine;
}

interface Given {
  readonly source: string;
  readonly value: Config[keyof Config];
}

interface Collected {
  readonly given: Map<keyof Config, Given>;
  readonly problems: string[];
}

/**
 * Reads every source and checks every value, also those that a stronger source replaces.
 * @returns the configuration, deeply frozen.
 * @throws ConfigError naming everything that is wrong.
 */
export function loadConfig(sources: ConfigSources): Config {
  const collected: Collected = { given: new Map(), problems: [] };
  readFile(sources, collected);
  readEnvironment(sources, collected);
  readFlags(sources, collected);

  const config = completed(sources, collected.given);
  if (config.defaultDeadlineMs > config.maxDeadlineMs) {
    const named = (key: "defaultDeadlineMs" | "maxDeadlineMs") =>
      `${key} (${config[key]}, ${collected.given.get(key)?.source ?? "the default"})`;
    collected.problems.push(`${named("defaultDeadlineMs")} must be at most ${named("maxDeadlineMs")}`);
  }
  if (collected.problems.length > 0) throw new ConfigError(collected.problems);
  return config;
}

function completed(sources: ConfigSources, given: Collected["given"]): Config {
  const machine = sources.machine ?? {
    cores: availableParallelism(),
    memoryBytes: Math.min(process.constrainedMemory() || Infinity, totalmem()),
  };
  const entries = SETTING_KEYS.map((key) => {
    const setting = settingOf(key);
    const fallback = typeof setting.default === "function" ? setting.default(machine) : setting.default;
    const value = given.get(key)?.value ?? (setting.kind === "path" ? resolvePath(sources.cwd, String(fallback)) : fallback);
    return [key, Array.isArray(value) ? Object.freeze([...value]) : value] as const;
  });
  return Object.freeze(Object.fromEntries(entries)) as unknown as Config; // SETTINGS has one row for each field of Config
}

function take(collected: Collected, key: keyof Config, value: unknown, source: string, name: string, folder: string): void {
  const read = settingField(key).read(value, [], (path, text) => collected.problems.push(`${name}${showPath(path)} ${text}`));
  if (read === undefined) return;
  collected.given.set(key, { source, value: settingOf(key).kind === "path" ? resolvePath(folder, String(read)) : read });
}

/** An empty path means none. */
function resolvePath(folder: string, path: string): string {
  return path === "" ? "" : resolve(folder, path);
}

function readFile({ cwd, env, configFile }: ConfigSources, collected: Collected): void {
  const named = configFile ?? (env[CONFIG_FILE_ENV] || undefined);
  const path = resolve(cwd, named ?? CONFIG_FILE);
  const label = named ?? CONFIG_FILE;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    if (named !== undefined || code !== "ENOENT") collected.problems.push(`${label} cannot be read (${code})`);
    return;
  }
  const yaml = readYamlMapping(text);
  for (const problem of yaml.problems) collected.problems.push(`${label} ${problem}`);
  for (const [key, value] of yaml.value ?? []) {
    const source = `${basename(label)} line ${yaml.lineOf([key])}`;
    const known = SETTING_KEYS.find((name) => name === key);
    if (known !== undefined) take(collected, known, value, source, `${source}: ${known}`, dirname(path));
    else collected.problems.push(unknownName(`${source}: ${showPath([key])}`, String(key), SETTING_KEYS));
  }
}

function readEnvironment({ cwd, env }: ConfigSources, collected: Collected): void {
  const keys = new Map(SETTING_KEYS.map((key) => [envName(key), key]));
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith("PREDICTD_") || text === undefined || text === "" || name === CONFIG_FILE_ENV || isServiceLink(name, text))
      continue;
    const key = keys.get(name);
    if (key !== undefined) take(collected, key, fromText(key, text), name, name, cwd);
    else collected.problems.push(unknownName(showPath([name]), name, [...keys.keys(), CONFIG_FILE_ENV]));
  }
}

function readFlags({ cwd, flags }: ConfigSources, collected: Collected): void {
  for (const [name, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const key = SETTING_KEYS.find((known) => known === name);
    const flag = flagName(name);
    if (key !== undefined) take(collected, key, typeof value === "string" ? fromText(key, value) : value, flag, flag, cwd);
    else collected.problems.push(unknownName(flag, flag, SETTING_KEYS.map(flagName)));
  }
}

/** The value is left out: under an unknown name it may be a secret meant for somebody else. */
function unknownName(shown: string, name: string, known: readonly string[]): string {
  const near = nearestName(name, known);
  return `${shown} is not a setting${near === undefined ? "" : `; did you mean ${near}?`}`;
}

/** What a text stands for; a text that stands for nothing stays as it is and is refused by the checker. */
function fromText(key: keyof Config, text: string): unknown {
  const { kind } = settingOf(key);
  if (kind === "int" || kind === "number") return toNumber(text);
  if (kind === "ints") return text.split(",").map((part) => toNumber(part.trim()));
  if (kind === "boolean") return text === "true" ? true : text === "false" ? false : text;
  if (kind === "names" && text.trim() === "") return [];
  if (kind === "choices" || kind === "names") return text.split(",").map((part) => part.trim());
  return text;
}

function toNumber(text: string): number | string {
  return /^-?\d+(\.\d+)?(e-?\d+)?$/i.test(text) ? Number(text) : text;
}
