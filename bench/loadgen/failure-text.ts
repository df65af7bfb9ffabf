// Why a run could not be had, in one line for whoever started it.

import { status } from "@grpc/grpc-js";

/** Exit code of the generator's process for what is told in one line; others mean a bug and come with a stack. */
export const toldCode = 3;

/** The reason without a stack; undefined for an error that only a bug can have made. */
export function failureText(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, details } = error as { readonly code?: unknown; readonly details?: unknown };
  if (typeof code === "number" && typeof details === "string") return oneLine(`${status[code]}: ${details}`);
  // Of a host with several addresses only the single failures say what happened; `fetch` has them as its cause.
  const [first] = error instanceof AggregateError ? (error.errors as readonly unknown[]) : [error.cause];
  if (first instanceof Error) return failureText(first);
  return error.constructor === Error ? oneLine(error.message) : undefined;
}

function oneLine(text: string): string {
  return text
    .replace(/ Resolution note: $/, "")
    .replaceAll(/\s+/g, " ")
    .trim();
}
