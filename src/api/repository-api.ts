// The surface for loading and unloading models at run time, where the configuration allows it.

import { ServiceError } from "../errors.ts";
import type { LoadOverride, Registry } from "../registry/registry.ts";
import type { ModelView } from "../registry/view.ts";

/** What transports may ask for. Everything rejects with METHOD_OFF unless `modelControl` is `explicit`. */
export interface RepositoryApi {
  /** Whether it is switched on. */
  readonly enabled: boolean;
  /** Throws METHOD_OFF unless it is. */
  assertEnabled(): void;
  /** Looks at the folder again; every model in name order. */
  index(): Promise<readonly ModelView[]>;
  /** Loads a model, or loads it again. Rejects as `Registry.loadModel` does. */
  load(name: string, override: LoadOverride | undefined): Promise<void>;
  /** Unloads a model; resolves when nothing uses it any more. Rejects as `Registry.unloadModel` does. */
  unload(name: string): Promise<void>;
}

/** Makes the surface. */
export function createRepositoryApi(
  registry: Pick<Registry, "index" | "loadModel" | "unloadModel">,
  { modelControl }: { readonly modelControl: "none" | "explicit" },
): RepositoryApi {
  const enabled = modelControl === "explicit";
  const assertEnabled = (): void => {
    if (enabled) return;
    throw new ServiceError(
      "METHOD_OFF",
      "The model repository is not open to callers (setting modelControl is none); start the server with --model-control explicit.",
      {
        metadata: { setting: "modelControl" },
      },
    );
  };
  return {
    enabled,
    assertEnabled,
    async index() {
      assertEnabled();
      return registry.index();
    },
    async load(name, override) {
      assertEnabled();
      await registry.loadModel(name, override);
    },
    async unload(name) {
      assertEnabled();
      await registry.unloadModel(name);
    },
  };
}
