// Single values as people read them.

import type { TensorSpec } from "../../tensor/signature.ts";

/** A number with at most 6 significant digits; a bigint with all of them; control characters of a text escaped. */
export function formatValue(value: unknown): string {
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
  if (typeof value === "string") return value.replace(/\p{Cc}/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return String(value);
}

/** Microseconds as milliseconds. */
export function formatUs(us: number): string {
  return `${Number((us / 1000).toPrecision(3))} ms`;
}

/** Dimensions of a signature, e.g. `[N, 1, 8, 8]`. */
export function formatDims({ dims }: Pick<TensorSpec, "dims">): string {
  return `[${dims.map(({ size, symbol }) => (size >= 0 ? String(size) : symbol || "?")).join(", ")}]`;
}
