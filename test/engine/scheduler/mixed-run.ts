// A batch that models of a test with mixed options hand over: what it must not be, and what comes out of it.

import type { BatchOutcome, BatchPart } from "../../../src/engine/scheduler/executor.ts";
import type { Mix } from "./mixed-model.ts";
import { allowedSizes, MAX_TOKENS } from "./mixed-model.ts";

/** What padding and rows that are filled in give, which nobody may get. */
const NOBODYS = -1_000_000;

/** What is wrong with a batch. @param rows of the run. */
export function whyWrong(mix: Mix, parts: readonly BatchPart[], rows: number): readonly string[] {
  const { kind, maxBatchSize, sharesRuns, maxBatchBytes } = mix;
  const own = parts.reduce((sum, part) => sum + part.rows, 0);
  const length = paddedLengthOf(parts);
  const sizes = allowedSizes(mix);
  const wrong: string[] = [];
  if (rows > maxBatchSize) wrong.push("a run of too many rows");
  if (kind === "padded" && own > 1 && own * length > MAX_TOKENS) wrong.push("a run of too many tokens");
  if (parts.length > 1 && !sharesRuns) wrong.push("a run that is shared");
  if (parts.length > 1 && own * 4 * Math.max(1, length) > maxBatchBytes) wrong.push("a run of too many bytes");
  if (sizes.length > 0 ? !sizes.includes(rows) : rows !== own) wrong.push("a run of a size that is not allowed");
  if (new Set(parts.map(({ request }) => request.padding === undefined)).size > 1) wrong.push("a run of what cannot be padded");
  return wrong;
}

/** The length of a run; 0 where nothing is padded. */
function paddedLengthOf(parts: readonly BatchPart[]): number {
  return Math.max(...parts.map(({ request }) => request.padding?.paddedLength ?? 0));
}

/** One for each row. */
export function valuesOf({ request, firstRow, rows }: BatchPart): readonly number[] {
  const { bytes, shape } = request.inputs[0]!;
  const elements = new Int32Array(bytes.slice().buffer);
  return Array.from({ length: rows }, (_, row) => elements[(firstRow + row) * (shape[1] ?? 1)]!);
}

/** Every row's value plus one and, where there are positions, plus its position. */
export function outcomeOf(parts: readonly BatchPart[], rows: number): BatchOutcome {
  const { shape } = parts[0]!.request.inputs[0]!;
  const perRow = paddedLengthOf(parts) || (shape[1] ?? 1);
  const elements = parts.flatMap((part) =>
    valuesOf(part).flatMap((value) => {
      const own = part.request.padding?.length ?? perRow;
      return Array.from({ length: perRow }, (_, i) => (i < own ? value + 1 + i : NOBODYS));
    }),
  );
  while (elements.length < rows * perRow) elements.push(NOBODYS);
  const outputShape = shape.length === 2 ? [rows, perRow] : [rows];
  return { outputs: [{ dtype: "INT32", shape: outputShape, bytes: bytesOf(elements) }], runMs: 1 };
}

/** 32-bit numbers as the bytes of a tensor. */
export function bytesOf(values: readonly number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(values).buffer);
}
