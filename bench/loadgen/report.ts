// Results as a few lines for the terminal.

import type { Percentiles } from "../clients/load-spec.ts";
import { readable } from "../lib/numbers.ts";
import type { LoadgenResult } from "./result.ts";
import type { Saturation } from "./saturate.ts";

function percentiles({ p50, p99, p999, max }: Percentiles): string {
  return `p50 ${readable(p50)}, p99 ${readable(p99)}, p99.9 ${readable(p999)}, max ${readable(max)} ms`;
}

function share(part: number): string {
  return `${readable(100 * part)} %`;
}

function list(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .toSorted(([, a], [, b]) => b - a)
    .map(([key, n]) => `${n} ${key}`)
    .join(", ");
}

/** The lines of one run. */
export function reportText(result: LoadgenResult): string {
  const { offered, good, late, unanswered, refused, unsent, lost, refusals, generator, latencyMs } = result;
  const lines = [
    `${result.name}, ${result.label}`,
    `  goodput     ${result.goodput.toFixed(4)}: ${good} of ${offered} answered in time; late ${late}, unanswered ${unanswered}, refused ${refused}, unsent ${unsent}, lost ${lost}`,
    `  status      ${list(result.byStatus)}`,
  ];
  if (Object.keys(result.byReason).length > 0) lines.push(`  reasons     ${list(result.byReason)}`);
  if (latencyMs !== undefined) lines.push(`  answers     ${percentiles(latencyMs)}`);
  if (refusals !== undefined) {
    const arrival = refusals.onArrival === undefined ? "" : `; ${share(refusals.onArrival)} on arrival`;
    lines.push(`  refusals    ${percentiles(refusals.ms)}; ${share(refusals.within5Ms)} within 5 ms${arrival}`);
  }
  if (result.meanBatch !== undefined) lines.push(`  mean batch  ${readable(result.meanBatch)} rows`);
  for (const { model, rows, length, deadlineMs, goodput, offered: ofClass } of result.byClass) {
    const deadline = deadlineMs === Infinity ? "no deadline" : `${deadlineMs} ms`;
    const size = length === undefined ? `${rows} rows` : `${rows} rows, length ${length}`;
    lines.push(`  class       ${model}, ${size}, ${deadline}: goodput ${goodput.toFixed(4)} of ${ofClass}`);
  }
  lines.push(
    `  generator   late ${percentiles(generator.latenessMs)}; ${share(generator.cpuShare)} of a core; ${generator.connectionCount} connections; ${generator.blockedCount} calls had to wait for one`,
  );
  if (!result.valid) lines.push(`  REJECTED    ${result.invalidBecause.join("; ")}`);
  return `${lines.join("\n")}\n`;
}

/** The lines of a closed loop. */
export function saturationText({ rowsPerSecond, callsPerSecond, latencyMs, meanBatch, failures, cpuShare }: Saturation): string {
  const batch = meanBatch === undefined ? "" : `; mean batch ${readable(meanBatch)} rows`;
  const failed = Object.keys(failures).length === 0 ? "" : `; failed: ${list(failures)}`;
  return `${readable(rowsPerSecond)} rows/s, ${readable(callsPerSecond)} calls/s; ${percentiles(latencyMs)}${batch}; generator ${share(cpuShare)} of a core${failed}\n`;
}
