// The surface for asking what the server is and how it traces and logs.

import { createRequire } from "node:module";
import { ServiceError } from "../errors.ts";
import type { LogControl, LogSettings, LogSettingValue } from "../telemetry/log-control.ts";
import type { TraceSettings } from "../telemetry/trace-settings.ts";
import type { Tracer } from "../telemetry/tracer.ts";
import type { HealthMap } from "./health.ts";
import type { ModelsApi } from "./models-api.ts";
import type { RepositoryApi } from "./repository-api.ts";

/** What the server says it is. */
export interface ServerMetadata {
  readonly name: string;
  /** Version of the package. */
  readonly version: string;
  /** Extensions of the Open Inference Protocol that act. */
  readonly extensions: readonly string[];
}

/** What transports may ask for. Changes are all made or none; without any, the settings are only shown. */
export interface ServerApi {
  readonly metadata: ServerMetadata;
  /** Whether every model that must be ready is, and the server does not drain. */
  isReady(): boolean;
  /** Whether a model, or one version of it, answers and the server does not drain; false for one that nobody knows. */
  isModelReady(model: string, version: string): boolean;
  /**
   * Changes trace settings; an empty list takes a value back. @param model "" for those of the server.
   * @returns all settings after the change.
   * @throws ServiceError MODEL_NOT_FOUND, PARAMETER_INVALID, SETTING_READ_ONLY or METHOD_OFF.
   */
  traceSettings(model: string, changes: Iterable<readonly [string, readonly string[]]>): TraceSettings;
  /**
   * Changes log settings.
   * @returns all settings after the change.
   * @throws ServiceError PARAMETER_INVALID, SETTING_READ_ONLY, or METHOD_OFF where the log is somebody else's.
   */
  logSettings(changes: Iterable<readonly [string, LogSettingValue]>): LogSettings;
}

/** What the surface is made with. */
export interface ServerApiOptions {
  readonly health: Pick<HealthMap, "get">;
  readonly models: Pick<ModelsApi, "get">;
  readonly repository: Pick<RepositoryApi, "enabled">;
  readonly tracer: Pick<Tracer, "settings" | "update">;
  /** Undefined when the log of an embedding program is none of the callers' business. */
  readonly logControl: LogControl | undefined;
}

/** Makes the surface. */
export function createServerApi({ health, models, repository, tracer, logControl }: ServerApiOptions): ServerApi {
  const { version } = createRequire(import.meta.url)("predictd/package.json") as { version: string };
  return {
    metadata: { name: "predictd", version, extensions: extensionsOf(repository.enabled, logControl !== undefined) },
    isReady: () => health.get("") === "serving",
    isModelReady: (model, number) => health.get(model) === "serving" && hasReadyVersion(models, model, number),
    traceSettings(model, changes) {
      if (model !== "") models.get(model, "");
      return tracer.update(model, changes);
    },
    logSettings(changes) {
      if (logControl === undefined)
        throw new ServiceError("METHOD_OFF", "The log of this server has no settings that a call could change.");
      return logControl.update(changes);
    },
  };
}

function hasReadyVersion(models: Pick<ModelsApi, "get">, model: string, version: string): boolean {
  try {
    return models.get(model, version).versions.some(({ state }) => state === "ready");
  } catch (error) {
    if (error instanceof ServiceError && error.code === "NOT_FOUND") return false;
    throw error;
  }
}

function extensionsOf(hasRepository: boolean, hasLogging: boolean): readonly string[] {
  return [
    "classification",
    ...(hasRepository ? ["model_repository"] : []),
    "schedule_policy",
    "model_configuration",
    "binary_tensor_data",
    "parameters",
    "statistics",
    "trace",
    ...(hasLogging ? ["logging"] : []),
  ];
}
