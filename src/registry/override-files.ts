// Files that came with a load call: written to a folder of their own, where they are served from until the model is freed.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ServiceError } from "../errors.ts";
import { quoteName } from "../predict/quote-name.ts";

const MAX_PATH_CHARS = 512;
const MAX_FILES = 256;

/** One name of a path: nothing hidden, no parent, no separator of any system, no control character. */
const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9_.+ @=-]{0,127}$/;

/** Where override files lie. */
export interface OverrideFolder {
  /** A folder of models with just this one. */
  readonly root: string;
  /** Removes everything. */
  remove(): Promise<void>;
}

/** Refuses paths that are not `<version>/<file>`, with folders between at most. @throws ServiceError FILE_INVALID. */
export function checkOverridePaths(paths: readonly string[]): void {
  if (paths.length > MAX_FILES) throw fileInvalid(`A load call may bring ${MAX_FILES} files.`, "parameters");
  for (const path of paths) {
    const segments = path.split("/");
    const good = path.length <= MAX_PATH_CHARS && segments.length >= 2 && segments.every((segment) => SEGMENT.test(segment));
    if (good && /^[1-9]\d{0,18}$/.test(segments[0]!)) continue;
    throw fileInvalid(`The file ${quoteName(path)} is not of the form <version>/<file>.`, `parameters[${quoteName(`file:${path}`)}]`);
  }
}

/** Writes the files as a model of this name. @param files content by path, checked. */
export async function writeOverrideFiles(name: string, files: ReadonlyMap<string, Uint8Array>): Promise<OverrideFolder> {
  const root = await mkdtemp(join(tmpdir(), "predictd-model-"));
  const remove = () => rm(root, { recursive: true, force: true });
  try {
    for (const [path, content] of files) {
      const target = join(root, name, path);
      await mkdir(dirname(target), { recursive: true });
      // Two files, one of which would be the folder of the other, must not overwrite anything.
      await writeFile(target, content, { flag: "wx" });
    }
    return { root, remove };
  } catch (error) {
    await remove();
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EEXIST" || code === "ENOTDIR" || code === "EISDIR")
      throw fileInvalid("Two files of the call exclude each other.", "parameters");
    throw error;
  }
}

function fileInvalid(text: string, field: string): ServiceError {
  return new ServiceError("FILE_INVALID", text, { violations: [{ field, description: text }] });
}
