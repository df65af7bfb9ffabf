// Turns figures into the table on the terminal and into sections of the page bench/RESULTS.md.

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

/** Where and when a section was measured. */
export interface Stamp {
  /** Day, as 2026-01-31. */
  readonly date: string;
  /** Short hash of the code. */
  readonly commit: string;
  /** Whether all scenarios ran, some of which are shorter then. */
  readonly whole: boolean;
}

/** The section of one scenario; it begins with `## name` and says itself when and from which code it is. */
export function renderSection({ scenario, figures, failure, seconds, busyBefore }: Outcome, stamp: Stamp, repoDir: string): string {
  const { name, about } = scenario;
  const alone = `\`node bench/run.ts --only ${name} --write\``;
  const origin = `on ${stamp.date} at commit ${stamp.commit} (${Math.round(seconds)} s)`;
  const written = stamp.whole ? `Written by \`npm run bench\` ${origin}; alone: ${alone}.` : `Written by ${alone} ${origin}.`;
  const lines = [`## ${name}`, "", about, "", written, ""];
  if (failure !== undefined) lines.push(`**Failed:** ${failure.split("\n", 1)[0]!.replaceAll(repoDir, "")}`, "");
  if (busyBefore > loudShare) {
    lines.push(`The machine was ${Math.round(100 * busyBefore)} % busy with something else: compare the ratios only, and doubt them.`, "");
  }
  if (figures.length === 0) {
    if (failure === undefined) lines.push("Skipped: the tool is not installed.", "");
    return lines.join("\n");
  }
  lines.push("| figure | value | target | met | notes |", "|---|---:|---|---|---|");
  for (const figure of figures) {
    const cells = [figure.name, `${readable(figure.value)} ${figure.unit}`, targetText(figure), metText(figure), figure.note ?? ""];
    lines.push(`| ${cells.join(" | ")} |`);
  }
  lines.push("");
  return lines.join("\n");
}
