// The models of a Triton repository and what becomes of them: files are read, no model is loaded.

import { access } from "node:fs/promises";
import { join } from "node:path";
import { ModelFileError, readText } from "../../registry/model-files.ts";
import { planModel } from "../../registry/model-plan.ts";
import type { ModelSettings } from "../../registry/model-settings.ts";
import type { FoundModel } from "../../registry/source.ts";
import { ModelFolderError, scanModelFolder } from "../../registry/source.ts";
import { ConfigError } from "../../registry/triton/config-error.ts";
import type { Finding } from "../../registry/triton/findings.ts";
import { mapConfig } from "../../registry/triton/map-config.ts";
import { ONNX_BACKEND } from "../../registry/triton/map-kind.ts";
import type { GivenConfig } from "../../registry/triton/parse-config.ts";
import { parseConfigText } from "../../registry/triton/parse-config.ts";
import { UsageError } from "../usage-error.ts";

/** What becomes of one model. */
export interface MigratedModel {
  readonly name: string;
  /** Why it cannot be served; "" when it can as far as its configuration goes, or when a finding says why not. */
  readonly problem: string;
  readonly isServable: boolean;
  /** Versions that are served, highest first. */
  readonly versions: readonly string[];
  /** Undefined without a config.pbtxt that can be read. */
  readonly config: GivenConfig["config"] | undefined;
  /** By field of config.pbtxt. */
  readonly findings: readonly Finding[];
  /** Other things to know. */
  readonly warnings: readonly string[];
  /** Undefined where the model cannot be served. */
  readonly settings: ModelSettings | undefined;
}

/** @throws UsageError for a folder that is no repository. */
export async function readRepository(folder: string): Promise<readonly MigratedModel[]> {
  if (await exists(join(folder, "config.pbtxt"))) {
    throw new UsageError(`${folder} holds a config.pbtxt itself: give the folder above it, which holds models by name.`);
  }
  try {
    const models = await scanModelFolder(folder);
    return await Promise.all(models.map((found) => readModel(folder, found)));
  } catch (error) {
    throw error instanceof ModelFolderError ? new UsageError(`${error.message}.`) : error;
  }
}

async function readModel(folder: string, found: FoundModel): Promise<MigratedModel> {
  const { settings, versions, problem, warnings } = await planModel(folder, found);
  const config = await readConfig(found.configPath);
  const mapped = config === undefined ? undefined : mapConfig(found.name, config);
  const findings = mapped?.findings ?? [];
  const isRefused = findings.some(({ level }) => level === "refusal");
  const why = isRefused ? "" : whyNoBackend(mapped?.settings ?? settings) || problem;
  const isServable = !isRefused && why === "";
  const told = new Set(findings.map(({ field, text }) => `config.pbtxt: ${field}: ${text}`));
  return {
    name: found.name,
    problem: why,
    isServable,
    versions: isServable ? versions.map(({ version }) => version) : [],
    config: config?.config,
    findings,
    warnings: warnings.filter((warning) => !told.has(warning)),
    settings: isServable ? settings : undefined,
  };
}

/** Undefined also for one that cannot be used, which is the plan's problem. */
async function readConfig(path: string | undefined): Promise<GivenConfig | undefined> {
  if (path === undefined) return undefined;
  try {
    return parseConfigText(await readText(path));
  } catch (error) {
    if (error instanceof ConfigError || error instanceof ModelFileError || (error as NodeJS.ErrnoException).code !== undefined)
      return undefined;
    throw error;
  }
}

function whyNoBackend({ backend }: ModelSettings): string {
  return backend === ONNX_BACKEND ? "" : `The configuration asks for the backend ${JSON.stringify(backend)}; predictd has ${ONNX_BACKEND}.`;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
