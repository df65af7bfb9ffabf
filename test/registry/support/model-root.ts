// A model folder of a test's own, and registries over it whose backend the test holds in its hands.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { loadConfig } from "../../../src/config/load-config.ts";
import type { Registry } from "../../../src/registry/registry.ts";
import { createRegistry } from "../../../src/registry/registry.ts";
import { silentLogger } from "../../../src/telemetry/logger.ts";
import type { FakeLoad } from "./fake-backend.ts";
import { createFakeBackend } from "./fake-backend.ts";

/** A model folder. */
export interface ModelRoot {
  /** A folder around it, for what must lie outside. */
  readonly base: string;
  readonly root: string;
  /** Writes a file by its path in the folder. */
  put(path: string, content?: string): void;
  /** Gives a file a later time than any file of the test has: file systems count in coarse steps. */
  touch(path: string): void;
  /** A registry with `modelControl` explicit. @param automatic whether loads succeed by themselves. */
  setUp(
    flags?: Readonly<Record<string, unknown>>,
    automatic?: boolean,
  ): { readonly registry: Registry; readonly loads: readonly FakeLoad[] };
  remove(): void;
}

/** Makes the folder. */
export function createModelRoot(): ModelRoot {
  const base = mkdtempSync(join(tmpdir(), "predictd-registry-"));
  const root = join(base, "models");
  mkdirSync(root);
  return {
    base,
    root,
    put(path, content = "") {
      const full = join(root, path);
      mkdirSync(dirname(full), { recursive: true });
      writeFileSync(full, content);
    },
    touch(path) {
      const later = new Date(Date.now() + 60_000);
      utimesSync(join(root, path), later, later);
    },
    setUp(flags = {}, automatic = false) {
      const { backend, loads } = createFakeBackend(automatic);
      const config = loadConfig({ flags: { modelDir: root, modelControl: "explicit", ...flags }, env: {}, cwd: base });
      const registry = createRegistry({ config, backends: new Map([["onnxruntime", backend]]), logger: silentLogger() });
      return { registry, loads };
    },
    remove: () => rmSync(base, { recursive: true }),
  };
}

/** States by version, highest first. */
export function states(registry: Registry, name: string): readonly string[] {
  return registry.model(name).versions.map(({ version, state }) => `${version} ${state}`);
}

/** Resolves when the backend has been asked for this many loads. */
export async function asked(loads: readonly unknown[], count: number): Promise<void> {
  while (loads.length < count) await new Promise(setImmediate);
}

/** Folders that files of load calls of this model lie in; other tests load models with files at the same time. */
export function overrideFolders(model: string): readonly string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith("predictd-model-") && existsSync(join(tmpdir(), name, model)));
}
