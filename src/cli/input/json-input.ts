// `--json`: inputs as JSON.

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Tensor, TensorSpec } from "../../client/client.ts";
import { nearestName } from "../../config/nearest-name.ts";
import { UsageError } from "../usage-error.ts";
import { tensorFromJson } from "./spec-tensor.ts";

/**
 * The text of a flag, or of the file that `@file` names.
 * @throws UsageError when the file cannot be read.
 */
export async function readTextFlag(flag: string, value: string, cwd: string): Promise<string> {
  if (!value.startsWith("@")) return value;
  try {
    return await readFile(resolve(cwd, value.slice(1)), "utf8");
  } catch (error) {
    throw new UsageError(`${flag}: ${value.slice(1)} cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)}).`);
  }
}

/**
 * Tensors from JSON text: an object of input name to nested arrays; for the only input that a model needs the arrays alone; for one with columns
 * an object of column to value, or an array of such objects.
 * @throws UsageError for anything else, naming what the model takes.
 */
export function tensorsFromJson(text: string, inputs: readonly TensorSpec[]): readonly Tensor[] {
  const value = parse(text);
  const needed = inputs.filter(({ optional }) => optional !== true);
  const only = needed.length === 1 ? needed[0] : undefined;
  if (only !== undefined && !isRecord(value) && !(Array.isArray(value) && value.some(isRecord))) return [tensorFromJson(value, only)];
  if (only !== undefined && only.columns.length > 0 && !(isRecord(value) && Object.hasOwn(value, only.name))) {
    return [tensorFromColumns(Array.isArray(value) ? value : [value], only)];
  }
  if (!isRecord(value)) throw new UsageError(`--json must be an object with the inputs ${list(inputs.map(({ name }) => name))}.`);
  assertNames(
    Object.keys(value),
    inputs.map(({ name }) => name),
    needed.map(({ name }) => name),
    "input",
    "--json",
  );
  return inputs.filter(({ name }) => Object.hasOwn(value, name)).map((spec) => tensorFromJson(value[spec.name], spec));
}

function tensorFromColumns(rows: readonly unknown[], spec: TensorSpec): Tensor {
  const data = rows.map((row, index) => {
    const where = rows.length === 1 ? "--json" : `--json row ${index + 1}`;
    if (!isRecord(row)) throw new UsageError(`${where} must be an object of column to value.`);
    assertNames(Object.keys(row), spec.columns, spec.columns, "column", where);
    return spec.columns.map((column) => row[column]);
  });
  return tensorFromJson(data, spec);
}

function assertNames(
  given: readonly string[],
  known: readonly string[],
  needed: readonly string[],
  kind: "input" | "column",
  where: string,
): void {
  const unknown = given.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const near = nearestName(unknown, known);
    throw new UsageError(
      `${where}: the model has no ${kind} "${unknown}"; ${near === undefined ? `it has ${list(known)}` : `did you mean "${near}"?`}`,
    );
  }
  const missing = needed.filter((name) => !given.includes(name));
  if (missing.length > 0) throw new UsageError(`${where}: ${kind} ${list(missing)} ${missing.length === 1 ? "is" : "are"} missing.`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text, keepDigits);
  } catch (error) {
    throw new UsageError(`--json is not JSON: ${(error as Error).message}.`);
  }
}

/** Reviver: integers beyond 2^53 become bigints, so that no digit is lost. */
function keepDigits(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const isLarge = typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "");
  return isLarge ? BigInt(context!.source!) : value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function list(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}
