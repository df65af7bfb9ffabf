// Puts numbers into a model.yaml on disk, which is never half written.

import { readFile, realpath, rename, rm, writeFile } from "node:fs/promises";
import { editManifest } from "./edit-manifest.ts";
import type { TunedSizes } from "./sizes.ts";

/** Writes the file anew, or makes it. Rejects with the system's error; the file is as it was then. */
export async function writeManifest(path: string, sizes: TunedSizes): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const text = await readFile(target, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const written = `${target}.${process.pid}.tmp`;
  try {
    await writeFile(written, editManifest(text, { ...sizes }));
    await rename(written, target);
  } catch (error) {
    await rm(written, { force: true });
    throw error;
  }
}
