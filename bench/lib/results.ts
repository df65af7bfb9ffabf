// Turns figures into the table on the terminal and the page bench/RESULTS.md.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { h2loadVersion } from "../clients/h2load.ts";
import type { Figure, Scenario } from "./bench.ts";
import { readable } from "./numbers.ts";

/** The outcome of one scenario. */
export interface Outcome {
  readonly scenario: Scenario;
  readonly figures: readonly Figure[];
  readonly seconds: number;
  /** Share of the machine that was busy with something else before it began. */
  readonly busyBefore: number;
  /** Why there are no figures. */
  readonly failure?: string;
}

/** Busy share of the machine from which on figures are marked as doubtful. */
export const loudShare = 0.25;

/** `≥ 0.9`, or nothing. */
export function targetText({ target }: Figure): string {
  if (target === undefined) return "";
  return "atLeast" in target ? `≥ ${readable(target.atLeast)}` : `≤ ${readable(target.atMost)}`;
}

/** Whether the figure meets its target; undefined without one, and for NaN, which stands for no valid round. */
export function isMet({ target, value }: Figure): boolean | undefined {
  if (target === undefined || Number.isNaN(value)) return undefined;
  return "atLeast" in target ? value >= target.atLeast : value <= target.atMost;
}

/** `, but above the floor 0.84`, for targets that have a floor. */
function floorText({ target, value }: Figure): string {
  if (target === undefined || !("floor" in target) || target.floor === undefined || Number.isNaN(value)) return "";
  return value >= target.floor ? `, above the floor ${readable(target.floor)}` : `, below the floor ${readable(target.floor)}`;
}

function metText(figure: Figure): string {
  const met = isMet(figure);
  if (Number.isNaN(figure.value)) return "not measured";
  if (met === undefined || met) return met === undefined ? "" : "yes";
  return `**no**${floorText(figure)}`;
}

/** One line of the table on the terminal. */
export function figureLine(figure: Figure): string {
  const met = isMet(figure);
  const verdict = Number.isNaN(figure.value)
    ? "  not measured"
    : met === undefined
      ? ""
      : `  ${targetText(figure)} ${met ? "met" : `MISSED${floorText(figure)}`}`;
  return `  ${figure.name.padEnd(58)} ${readable(figure.value).padStart(9)} ${figure.unit.padEnd(11)}${verdict}${figure.note === undefined ? "" : `  (${figure.note})`}`;
}

function packageVersion(repoDir: string, name: string): string {
  // Our own dependencies' manifests.
  const manifest = JSON.parse(readFileSync(join(repoDir, "node_modules", name, "package.json"), "utf8")) as { version: string };
  return manifest.version;
}

function commit(repoDir: string): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: repoDir, encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}

/** The page. `command`: how the bench was called. */
export function renderResults(outcomes: readonly Outcome[], repoDir: string, command: string): string {
  const { model } = cpus()[0] ?? { model: "unknown" };
  const lines = [
    "# Results of the bench",
    "",
    `Written by \`${command}\` on ${new Date().toISOString().slice(0, 10)} at commit ${commit(repoDir)}.`,
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
  for (const { scenario, figures, failure, seconds, busyBefore } of outcomes) {
    lines.push(
      `## ${scenario.name}`,
      "",
      scenario.about,
      "",
      `\`node bench/run.ts --only ${scenario.name}\` (${Math.round(seconds)} s)`,
      "",
    );
    if (failure !== undefined) lines.push(`**Failed:** ${failure.split("\n", 1)[0]!.replaceAll(repoDir, "")}`, "");
    if (busyBefore > loudShare) {
      lines.push(
        `The machine was ${Math.round(100 * busyBefore)} % busy with something else: compare the ratios only, and doubt them.`,
        "",
      );
    }
    if (figures.length === 0) {
      if (failure === undefined) lines.push("Skipped: the tool is not installed.", "");
      continue;
    }
    lines.push("| figure | value | target | met | notes |", "|---|---:|---|---|---|");
    for (const figure of figures) {
      const cells = [figure.name, `${readable(figure.value)} ${figure.unit}`, targetText(figure), metText(figure), figure.note ?? ""];
      lines.push(`| ${cells.join(" | ")} |`);
    }
    lines.push("");
  }
  return lines.join("\n");
}
