// The messages of `--json` as JSON values.

import { UsageError } from "../usage-error.ts";

/**
 * One value for each message: exactly one for a method that takes one; for a stream the elements of an array, one value on each line,
 * or a single object.
 * @param text undefined where the flag is not given: one empty message, or a stream of none.
 * @throws UsageError for text that is not JSON, and for an array where one message is taken.
 */
export function parseMessages(text: string | undefined, requestStream: boolean): readonly unknown[] {
  if (text === undefined) return requestStream ? [] : [{}];
  if (!requestStream) {
    const message = parse(text, "--json");
    if (Array.isArray(message)) throw new UsageError("--json: this method takes one message, an object, not an array of them.");
    return [message];
  }
  const lines = text.split("\n").flatMap((line, index) => (line.trim() === "" ? [] : [{ line, where: `--json line ${index + 1}` }]));
  if (lines.length > 1 && isJson(lines[0]!.line)) return lines.map(({ line, where }) => parse(line, where));
  if (lines.length === 0) return [];
  const value = parse(text, "--json");
  return Array.isArray(value) ? value : [value];
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text, keepDigits);
  } catch (error) {
    throw new UsageError(`${where} is not JSON: ${(error as Error).message}.`);
  }
}

/** Reviver: integers beyond 2^53 become text, which 64-bit fields take, so that no digit is lost. */
function keepDigits(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const isLarge = typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "");
  return isLarge ? context!.source! : value;
}
