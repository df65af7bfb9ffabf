// Proto files as definitions that calls can be made with.

import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import type { PackageDefinition } from "@grpc/proto-loader";
import { loadSync } from "@grpc/proto-loader";
import { UsageError } from "../usage-error.ts";

/**
 * Loads proto files with everything they import. Imports are looked for in the include folders, in those of the files themselves, and
 * among the files that predictd ships.
 * @param files undefined for those that predictd ships.
 * @param includes folders; none means `cwd`.
 * @throws UsageError for files that are not there or cannot be parsed.
 */
export function loadProtos(files: readonly string[] | undefined, includes: readonly string[], cwd: string): PackageDefinition {
  const ownFolder = join(dirname(createRequire(import.meta.url).resolve("predictd/package.json")), "proto");
  if (files === undefined) return load(protosBelow(ownFolder), [ownFolder]);
  const folders = (includes.length === 0 ? ["."] : includes).map((folder) => resolve(cwd, folder));
  const paths = files.map((file) => locate(file, [...folders, cwd]));
  return load(paths, [...folders, ...paths.map((path) => dirname(path)), ownFolder]);
}

function protosBelow(folder: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.endsWith(".proto")).map((name) => join(folder, name));
}

function locate(file: string, folders: readonly string[]): string {
  const path = folders.map((folder) => resolve(folder, file)).find((candidate) => existsSync(candidate));
  if (path === undefined) throw new UsageError(`--proto: ${file} is not in ${[...new Set(folders)].join(", ")}.`);
  return path;
}

function load(paths: readonly string[], includeDirs: readonly string[]): PackageDefinition {
  // proto-loader tells of an import that is nowhere by a process warning, which would stand above our own message.
  const emitWarning = process.emitWarning.bind(process);
  let warning: string | undefined;
  process.emitWarning = (message: string | Error) => {
    warning ??= String(message);
  };
  try {
    return loadSync([...paths], { includeDirs: [...includeDirs], longs: String, enums: String, bytes: String, json: true });
  } catch (error) {
    throw new UsageError(`--proto: ${warning ?? (error instanceof Error ? error.message : String(error))}.`);
  } finally {
    process.emitWarning = emitWarning;
  }
}
