// The surface for asking what is served.

import { ServiceError } from "../errors.ts";
import { quoteName } from "../predict/quote-name.ts";
import type { Registry } from "../registry/registry.ts";
import type { ModelView } from "../registry/view.ts";

/** What transports may ask for. */
export interface ModelsApi {
  /** Every model in name order. */
  list(): readonly ModelView[];
  /** One model, with one version or all. @param version "" for all. @throws ServiceError MODEL_NOT_FOUND or VERSION_NOT_FOUND. */
  get(name: string, version: string): ModelView;
}

/** Makes the surface. */
export function createModelsApi(registry: Pick<Registry, "models" | "model">): ModelsApi {
  return {
    list: () => registry.models(),
    get(name, version) {
      const model = registry.model(name);
      if (version === "") return model;
      const versions = model.versions.filter((candidate) => candidate.version === version);
      if (versions.length > 0) return { ...model, versions };
      throw new ServiceError("VERSION_NOT_FOUND", `Model ${quoteName(name)} has no version ${quoteName(version)}.`, {
        resource: { type: "model version", name: `${name}/${version}`.slice(0, 256) },
      });
    },
  };
}
