// The rows that a batch lacks where a run must have a certain size.

import type { BatchPart } from "../scheduler/executor.ts";

/**
 * The parts of a batch and, behind them, its last row as often as it takes to have so many rows: a real one, so that the model is asked
 * nothing that it has not been asked anyway. The same parts where nothing is missing.
 */
export function fillUp(parts: readonly BatchPart[], rows: number): readonly BatchPart[] {
  let missing = rows;
  for (const part of parts) missing -= part.rows;
  if (missing === 0) return parts;
  const last = parts.at(-1)!;
  const filler: BatchPart = { request: last.request, firstRow: last.firstRow + last.rows - 1, rows: 1 };
  return [...parts, ...Array.from({ length: missing }, () => filler)];
}
