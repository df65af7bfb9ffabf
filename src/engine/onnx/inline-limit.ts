// What may run on the main thread: only what costs less there than the way to a worker and back.

import { ModelError, type WarmupTiming } from "../backend.ts";

/** A run of one row above this is slower than the way to a worker and back, in milliseconds. */
const HOP_MS = 0.1;

/** While a run goes on nobody is answered; a model whose run of one row takes longer than this is refused, in milliseconds. */
const MAX_SINGLE_RUN_MS = 1;

/**
 * Looks at what warm-up measured.
 * @param singleRunMs median run of one row; undefined when none was measured. @param timings by batch size, smallest first.
 * @returns what an operator should know; undefined when all is well.
 * @throws ModelError for a model that would hold everybody up.
 */
export function checkInline(singleRunMs: number | undefined, timings: readonly WarmupTiming[]): string | undefined {
  if (singleRunMs === undefined) return "Whether its runs are short enough for `execution: inline` was not measured.";
  if (singleRunMs > MAX_SINGLE_RUN_MS) {
    throw new ModelError(
      `A run of one row takes ${shown(singleRunMs)} ms; execution: inline is for ${MAX_SINGLE_RUN_MS} ms at most. Use thread or process.`,
    );
  }
  const largest = timings.at(-1);
  const longestMs = Math.max(singleRunMs, largest?.meanMs ?? 0);
  if (singleRunMs <= HOP_MS && longestMs <= MAX_SINGLE_RUN_MS) return undefined;
  const times = [
    `${shown(singleRunMs)} ms for one row`,
    ...(largest === undefined || largest.rows === 1 ? [] : [`${shown(longestMs)} ms for ${largest.rows}`]),
  ];
  return `Runs on the main thread take ${times.join(" and ")}, and nobody else is answered meanwhile: execution: thread suits this model better.`;
}

function shown(ms: number): string {
  return String(Number(ms.toPrecision(2)));
}
