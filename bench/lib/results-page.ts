// The page bench/RESULTS.md: a head, and a section for each scenario, of which some may be kept from earlier runs.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { h2loadVersion } from "../clients/h2load.ts";
import { renderSection } from "./results.ts";
import type { Outcome } from "./results.ts";

/** Flags that decide whether a run leaves its figures on the page. */
export interface WriteFlags {
  readonly quick: boolean;
  /** Whether scenarios were named. */
  readonly named: boolean;
  readonly write: boolean;
  readonly noWrite: boolean;
}

/** A whole run writes unless told not to, named scenarios only when told to, a quick run never. */
export function isWritten({ quick, named, write, noWrite }: WriteFlags): boolean {
  return !quick && !noWrite && (write || !named);
}

const heading = /^## (.+)$/;

/** The sections of a page by their names, each from its `## name` up to the next one. */
export function sectionsOf(page: string): ReadonlyMap<string, string> {
  const sections = new Map<string, string>();
  let current: { readonly name: string; readonly lines: string[] } | undefined;
  const keep = (): void => {
    if (current !== undefined) sections.set(current.name, `${current.lines.join("\n").trimEnd()}\n`);
  };
  for (const line of page.split("\n")) {
    const name = heading.exec(line)?.[1];
    if (name !== undefined) {
      keep();
      current = { name, lines: [] };
    }
    current?.lines.push(line);
  }
  keep();
  return sections;
}

/** Puts sections together in the order of `names`: what was just written instead of what the page held. Others are left out. */
export function mergeSections(
  names: readonly string[],
  written: ReadonlyMap<string, string>,
  kept: ReadonlyMap<string, string>,
): readonly string[] {
  return names.flatMap((name) => written.get(name) ?? kept.get(name) ?? []);
}

function packageVersion(repoDir: string, name: string): string {
  // Our own dependencies' manifests.
  const manifest = JSON.parse(readFileSync(join(repoDir, "node_modules", name, "package.json"), "utf8")) as { version: string };
  return manifest.version;
}

/** Short hash of the code in a folder; `unknown` outside of git. */
export function commitOf(repoDir: string): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: repoDir, encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}

/** Today, as 2026-01-31. */
export function today(): string {
  return new Date().toISOString().slice(0, 10);
}

/** What a page is made of. */
export interface ResultsPage {
  readonly outcomes: readonly Outcome[];
  /** Names of all scenarios in the order of the page. */
  readonly names: readonly string[];
  /** Whether all of them ran; otherwise the sections of the others are kept. */
  readonly whole: boolean;
  /** The page as it was; undefined where there is none. */
  readonly before: string | undefined;
  readonly repoDir: string;
}

/** The page, with the sections of earlier runs for scenarios that did not run now. */
export function renderResults({ outcomes, names, whole, before, repoDir }: ResultsPage): string {
  const { model } = cpus()[0] ?? { model: "unknown" };
  const stamp = { date: today(), commit: commitOf(repoDir), whole };
  const written = new Map(outcomes.map((outcome) => [outcome.scenario.name, renderSection(outcome, stamp, repoDir)]));
  const kept = whole || before === undefined ? new Map<string, string>() : sectionsOf(before);
  const head = [
    "# Results of the bench",
    "",
    "Sections may be of different days and commits: each says when and from which commit it was written. Machine and versions are those of the",
    `latest run (${stamp.date}, commit ${stamp.commit}).`,
    "",
    `Machine: ${cpus().length} × ${model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${process.arch}.`,
    `Node ${process.versions.node}, @grpc/grpc-js ${packageVersion(repoDir, "@grpc/grpc-js")}, onnxruntime-node ${packageVersion(repoDir, "onnxruntime-node")}, ${h2loadVersion() ?? "h2load not installed"}.`,
    "",
    "Machines are shared and noisy: what is compared was measured in turns (A B A B), a ratio is the median of the ratios of the rounds, and",
    "absolute figures are only as good as the machine. The server runs as configured by default, except for one worker with one thread where one",
    "core is named. Every OK answer a client counted was held against the server's own count.",
    "",
    ...(existsSync(join(repoDir, "bench", "PEERS.md")) ? ["[PEERS.md](PEERS.md) shows predictd beside other servers.", ""] : []),
  ];
  return [head.join("\n"), ...mergeSections(names, written, kept)].join("\n");
}
