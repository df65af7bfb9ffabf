// The surface for asking what is served.

import { versionNotFound } from "../registry/refusals.ts";
import type { ModelConfig, Registry } from "../registry/registry.ts";
import type { ModelView } from "../registry/view.ts";

/** What transports may ask for. */
export interface ModelsApi {
  /** Every model in name order. */
  list(): readonly ModelView[];
  /** One model, with one version or all. @param version "" for all. @throws ServiceError MODEL_NOT_FOUND or VERSION_NOT_FOUND. */
  get(name: string, version: string): ModelView;
  /** The configuration that acts, as Triton writes it. @param version "" for the default. @throws ServiceError, also MODEL_NOT_READY. */
  config(name: string, version: string): ModelConfig;
}

/** Makes the surface. */
export function createModelsApi(registry: Pick<Registry, "models" | "model" | "modelConfig">): ModelsApi {
  return {
    list: () => registry.models(),
    config: (name, version) => registry.modelConfig(name, version),
    get(name, version) {
      const model = registry.model(name);
      if (version === "") return model;
      const versions = model.versions.filter((candidate) => candidate.version === version);
      if (versions.length > 0) return { ...model, versions };
      throw versionNotFound(name, version);
    },
  };
}
