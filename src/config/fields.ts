// Checkers for values that people write: each says what it allows and reports everything that is wrong at once.

import { nearestName } from "./nearest-name.ts";
import { show } from "./show.ts";

/** Where a value stands in its document: keys and list indexes from the top. */
export type FieldPath = readonly unknown[];

/** Takes one problem; `text` continues a sentence that starts with the name of the value. */
export type Report = (path: FieldPath, text: string) => void;

/** Checks one kind of value. */
export interface Field<T> {
  /** What is allowed, in words that follow "must be". */
  readonly allowed: string;
  /** Returns the value, or undefined after reporting what is wrong with it. */
  read(value: unknown, path: FieldPath, report: Report): T | undefined;
}

function simpleField<T>(allowed: string, accepts: (value: unknown) => value is T): Field<T> {
  return {
    allowed,
    read(value, path, report) {
      if (accepts(value)) return value;
      report(path, `must be ${allowed}, got ${show(value)}`);
      return undefined;
    },
  };
}

/** An integer from `min` to `max`, both included. */
export function intField(min: number, max: number): Field<number> {
  return simpleField(
    `an integer from ${min} to ${max}`,
    (value): value is number => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
  );
}

/** A number from `min` to `max`, both included. */
export function numberField(min: number, max: number): Field<number> {
  return simpleField(
    `a number from ${min} to ${max}`,
    (value): value is number => typeof value === "number" && value >= min && value <= max,
  );
}

/** True or false. */
export function booleanField(): Field<boolean> {
  return simpleField("true or false", (value) => typeof value === "boolean");
}

/** One of a few words. */
export function choiceField<T extends string>(choices: readonly T[]): Field<T> {
  return simpleField(`one of ${choices.join(", ")}`, (value): value is T => (choices as readonly unknown[]).includes(value));
}

/** Text of `minLength` to `maxLength` UTF-16 units. */
export function stringField(minLength: number, maxLength: number): Field<string> {
  const allowed = minLength === 0 ? `text of at most ${maxLength} characters` : `text of ${minLength} to ${maxLength} characters`;
  return {
    allowed,
    read(value, path, report) {
      if (typeof value === "string" && value.length >= minLength && value.length <= maxLength) return value;
      const hint = typeof value === "number" || typeof value === "boolean" ? " (write it in quotes)" : "";
      const given = typeof value === "string" && value.length > maxLength ? `${value.length} characters` : show(value);
      report(path, `must be ${allowed}, got ${given}${hint}`);
      return undefined;
    },
  };
}

/** What a list must hold besides good items. */
export interface ListOptions<T> {
  /** Fewest items; 0 by default. */
  readonly min?: number;
  /** Most items. */
  readonly max: number;
  /** Items for which this gives the same text may not stand twice; by default they may. */
  readonly uniqueBy?: (item: T) => string;
}

/** A list of `min` to `max` items. */
export function listField<T>(item: Field<T>, options: ListOptions<T>): Field<readonly T[]> {
  const { min = 0, max, uniqueBy } = options;
  const allowed = `a list of ${min} to ${max} items, each ${item.allowed}`;
  return {
    allowed,
    read(value, path, report) {
      if (!Array.isArray(value)) {
        report(path, `must be ${allowed}, got ${show(value)}`);
        return undefined;
      }
      if (value.length < min || value.length > max) {
        report(path, `must be ${allowed}, got ${value.length} items`);
        return undefined;
      }
      const seen = new Set<string>();
      const items = value.flatMap((given: unknown, index) => {
        const read = item.read(given, [...path, index], report);
        if (read === undefined) return [];
        const name = uniqueBy?.(read);
        if (name !== undefined && seen.has(name)) report([...path, index], `repeats ${show(name)}`);
        if (name !== undefined) seen.add(name);
        return [read];
      });
      return items;
    },
  };
}

/** A mapping with free keys of 1 to `maxKeyLength` characters. */
export function mapField<T>(
  item: Field<T>,
  options: { readonly max: number; readonly maxKeyLength: number },
): Field<ReadonlyMap<string, T>> {
  const allowed = `a mapping of at most ${options.max} names, each to ${item.allowed}`;
  return {
    allowed,
    read(value, path, report) {
      if (!(value instanceof Map) || value.size > options.max) {
        report(path, `must be ${allowed}, got ${value instanceof Map ? `${value.size} names` : show(value)}`);
        return undefined;
      }
      const result = new Map<string, T>();
      for (const [key, given] of value as ReadonlyMap<unknown, unknown>) {
        const name = typeof key === "number" ? String(key) : key;
        if (typeof name !== "string" || name.length < 1 || name.length > options.maxKeyLength) {
          report([...path, key], `must have a name of 1 to ${options.maxKeyLength} characters`);
          continue;
        }
        const read = item.read(given, [...path, key], report);
        if (read !== undefined) result.set(name, read);
      }
      return result;
    },
  };
}

/** A checker for each key of `T`. */
export type Fields<T> = { readonly [K in keyof T]: Field<T[K]> };

/**
 * A mapping with known keys, all optional but the `required` ones. An unknown key is reported with the nearest known one.
 * What it returns has only the keys that were given and good.
 */
export function objectField<T extends object, R extends keyof T & string = never>(
  fields: Fields<T>,
  required: readonly R[] = [],
): Field<Partial<T> & Pick<T, R>> {
  const allowed = `a mapping with the keys ${Object.keys(fields).join(", ")}`;
  return {
    allowed,
    read(value, path, report) {
      if (!(value instanceof Map)) {
        report(path, `must be ${allowed}, got ${show(value)}`);
        return undefined;
      }
      const result: Partial<T> = {};
      for (const [key, given] of value as ReadonlyMap<unknown, unknown>) {
        if (typeof key === "string" && Object.hasOwn(fields, key)) {
          const name = key as keyof T;
          const read = fields[name].read(given, [...path, key], report);
          if (read !== undefined) result[name] = read;
        } else {
          const near = nearestName(String(key), Object.keys(fields));
          report([...path, key], `is not a known key${near === undefined ? "" : `; did you mean ${near}?`}`);
        }
      }
      const missing = required.filter((key) => !value.has(key));
      for (const key of missing) report(path, `needs the key ${key}`);
      const complete = required.every((key) => Object.hasOwn(result, key));
      return complete ? (result as Partial<T> & Pick<T, R>) : undefined; // every key of R was just seen
    },
  };
}
