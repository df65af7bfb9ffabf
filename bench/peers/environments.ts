// Python environments of the peers: one each, in a cache folder outside the repository, named after what is pinned.

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Folder of the peers' scripts. */
export const peersDir = import.meta.dirname;

/** Where environments are kept: `$PEER_TOOLS`, by default ~/.cache/predictd-peers. */
export function cacheDir(): string {
  return process.env.PEER_TOOLS ?? join(homedir(), ".cache", "predictd-peers");
}

/** An environment and what it is made from. */
export interface PeerEnvironment {
  /** Name of its folder in bench/peers. */
  readonly name: string;
  /** Version of the peer itself. */
  readonly version: string;
  /** What is asked for, each pinned. */
  readonly requirementsFile: string;
  /** Pins of what those need. */
  readonly constraintsFile: string;
  /** Where it is installed. Another pin gives another folder. */
  readonly folder: string;
  /** Written last. */
  readonly completeFile: string;
  /** Its Python. */
  readonly python: string;
}

/** Lines of a requirements file without comments. */
export function requirementLines(file: string): readonly string[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** The environment of a peer. @throws Error where its folder has no requirements with a pinned version in the first line. */
export function environmentOf(name: string): PeerEnvironment {
  const requirementsFile = join(peersDir, name, "requirements.txt");
  const constraintsFile = join(peersDir, name, "constraints.txt");
  const version = requirementLines(requirementsFile)[0]?.split("==")[1];
  if (version === undefined) throw new Error(`${name}/requirements.txt must begin with the peer itself and its version.`);
  const hash = createHash("sha256").update(readFileSync(requirementsFile)).update(readFileSync(constraintsFile)).digest("hex").slice(0, 8);
  const folder = join(cacheDir(), `${name}-${version}-${hash}`);
  return {
    name,
    version,
    requirementsFile,
    constraintsFile,
    folder,
    completeFile: join(folder, ".complete"),
    python: join(folder, "bin", "python"),
  };
}

/** Whether an environment was installed to its end. */
export function isInstalled(environment: PeerEnvironment): boolean {
  return existsSync(environment.completeFile);
}
