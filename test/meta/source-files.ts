// The project's own source files and what they import.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** Root of the repository. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Paths of all files below a folder of the repository, relative to its root. */
export function filesBelow(folder: string, ending: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .toSorted();
}

/** Text of a file. */
export function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** One import of a file. */
export interface Import {
  /** Path relative to the root for our own files, the package's name otherwise. */
  readonly target: string;
  readonly own: boolean;
  /** Whether only types are taken. */
  readonly typeOnly: boolean;
}

const IMPORT = /^(?:import|export)\s+(type\s)?[^;]*?from\s+"([^"]+)"|^import\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm;

/** What a file imports. */
export function importsOf(path: string): readonly Import[] {
  return [...read(path).matchAll(IMPORT)].map((match) => {
    const specifier = (match[2] ?? match[3] ?? match[4])!;
    const own = specifier.startsWith(".");
    return {
      target: own ? relative(ROOT, resolve(join(ROOT, dirname(path)), specifier)) : specifier,
      own,
      typeOnly: match[1] !== undefined,
    };
  });
}
