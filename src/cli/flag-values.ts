// How values of flags are read.

import { InvalidArgumentError } from "commander";

const MAX_TIMEOUT_MS = 24 * 60 * 60 * 1000;
const MAX_SECONDS = 600;
const MAX_ROWS = 65_536;

/** Gathers a flag that may be repeated. */
export function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

/**
 * A time in whole milliseconds, from 1 to 24 hours.
 * @throws InvalidArgumentError saying what is allowed.
 */
export function parseMilliseconds(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= MAX_TIMEOUT_MS) return value;
  throw new InvalidArgumentError(`It must be an integer from 1 to ${MAX_TIMEOUT_MS}.`);
}

/**
 * A time in seconds, from 0.1 to 600.
 * @throws InvalidArgumentError saying what is allowed.
 */
export function parseSeconds(text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value >= 0.1 && value <= MAX_SECONDS) return value;
  throw new InvalidArgumentError(`It must be a number from 0.1 to ${MAX_SECONDS}.`);
}

/**
 * A number of rows, from 1 to 65,536.
 * @throws InvalidArgumentError saying what is allowed.
 */
export function parseRows(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= MAX_ROWS) return value;
  throw new InvalidArgumentError(`It must be an integer from 1 to ${MAX_ROWS}.`);
}
