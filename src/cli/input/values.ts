// Single values of JSON and CSV as elements of a data type.

import type { DType, Element } from "../../client/client.ts";
import { UsageError } from "../usage-error.ts";

const INTEGER = /^[+-]?\d+$/;
const SPECIAL: Readonly<Record<string, number>> = { NaN, Infinity, "-Infinity": -Infinity };

/**
 * A cell of text as an element.
 * @param where names the place in the message, e.g. `row 3, column "amount"`.
 * @throws UsageError for text that does not stand for a value of the type.
 */
export function elementFromText(text: string, dtype: DType, where: string): Element {
  if (dtype === "STRING") return text;
  const trimmed = text.trim();
  if (dtype === "BOOL") {
    if (/^(true|1)$/i.test(trimmed)) return true;
    if (/^(false|0)$/i.test(trimmed)) return false;
  } else if (dtype === "INT64" || dtype === "UINT64") {
    if (INTEGER.test(trimmed)) return BigInt(trimmed.replace(/^\+/, ""));
    const value = Number(trimmed);
    if (trimmed !== "" && Number.isSafeInteger(value)) return BigInt(value);
  } else {
    const value = SPECIAL[trimmed] ?? (trimmed === "" ? NaN : Number(trimmed));
    if (!Number.isNaN(value) || trimmed === "NaN") return value;
  }
  throw new UsageError(`${where}: ${JSON.stringify(text)} is not a value of type ${dtype}.`);
}

/**
 * A value of JSON as an element. Whole numbers are taken for integers, strings of digits for 64-bit integers.
 * @throws UsageError for a value that the type cannot hold.
 */
export function elementFromJson(value: unknown, dtype: DType, where: string): Element {
  if (dtype === "STRING" ? typeof value === "string" : typeof value === "boolean" && dtype === "BOOL") return value as Element;
  if (dtype !== "STRING" && (typeof value === "number" || typeof value === "bigint" || typeof value === "string")) {
    return elementFromText(String(value), dtype, where);
  }
  throw new UsageError(`${where}: ${showJson(value)} is not a value of type ${dtype}.`);
}

function showJson(value: unknown): string {
  const text = typeof value === "bigint" ? String(value) : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
