// The parameters that loads and unloads may have.

import type { RepositoryApi } from "../../../../api/repository-api.ts";
import { ServiceError } from "../../../../errors.ts";
import { quoteName } from "../../../../predict/quote-name.ts";
import type { RepositoryChange } from "../../codec/repository-change.ts";

type RepositoryParameters = RepositoryChange["parameters"];

type LoadOverride = Parameters<RepositoryApi["load"]>[1];

const CONFIG = "config";
const FILE_PREFIX = "file:";

/** What a load brings; undefined for nothing. @throws ServiceError PARAMETER_INVALID, or FILE_INVALID for files without a configuration. */
export function readLoadOverride(parameters: RepositoryParameters): LoadOverride {
  let config: string | undefined;
  const files = new Map<string, Uint8Array>();
  for (const [name, choice] of parameters) {
    if (name === CONFIG) {
      if (choice?.$case !== "stringParam") throw invalid(name, "must be a string_param");
      config = choice.value;
    } else if (name.startsWith(FILE_PREFIX)) {
      if (choice?.$case !== "bytesParam") throw invalid(name, "must be a bytes_param");
      files.set(name.slice(FILE_PREFIX.length), choice.value);
    } else throw invalid(name, `does not exist; there are ${CONFIG} and ${FILE_PREFIX}<version>/<file>`);
  }
  if (config !== undefined) return { config, files };
  if (files.size > 0) throw filesAlone();
  return undefined;
}

/** @throws ServiceError PARAMETER_INVALID. */
export function assertUnloadParameters(parameters: RepositoryParameters): void {
  for (const [name, choice] of parameters) {
    if (name !== "unload_dependents") throw invalid(name, "does not exist; there is unload_dependents");
    if (choice?.$case !== "boolParam") throw invalid(name, "must be a bool_param");
  }
}

function invalid(name: string, problem: string): ServiceError {
  const text = `Parameter ${quoteName(name)} ${problem}.`;
  return new ServiceError("PARAMETER_INVALID", text, { violations: [{ field: `parameters[${quoteName(name)}]`, description: text }] });
}

function filesAlone(): ServiceError {
  const text = `Files need a configuration: the parameter ${CONFIG} is missing.`;
  return new ServiceError("FILE_INVALID", text, { violations: [{ field: `parameters[${quoteName(CONFIG)}]`, description: text }] });
}
