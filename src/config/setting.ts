// The shape of one row of the settings table, and the names and the checker that follow from it.

import type { Config } from "./config.ts";
import { booleanField, choiceField, type Field, intField, listField, numberField, stringField } from "./fields.ts";

/** What a default may depend on. */
export interface Machine {
  /** Cores this process may use. */
  readonly cores: number;
  /** Bytes of memory this process may use. */
  readonly memoryBytes: number;
}

/** Heading of the README under which a setting stands. */
export type Section = "Server" | "Deadlines" | "Sizes" | "Streams and connections" | "Start and stop" | "Execution" | "Batching" | "Log";

interface Common<T> {
  readonly section: Section;
  /** One sentence for the README. */
  readonly meaning: string;
  /** Value when nothing is given. */
  readonly default: T | ((machine: Machine) => T);
  /** How the README shows a default that depends on the machine. */
  readonly defaultText?: string;
}

/** An integer or a number. */
export interface NumberSetting extends Common<number> {
  readonly kind: "int" | "number";
  readonly min: number;
  readonly max: number;
  readonly unit?: "ms" | "bytes";
}

/** A switch. */
export interface BooleanSetting extends Common<boolean> {
  readonly kind: "boolean";
}

/** One word of a few. */
export interface ChoiceSetting<T extends string> extends Common<T> {
  readonly kind: "choice";
  readonly choices: readonly T[];
}

/** An ordered list of different words, at least one; with commas in the environment and in flags. */
export interface ChoicesSetting<T extends string> extends Common<readonly T[]> {
  readonly kind: "choices";
  readonly choices: readonly T[];
}

/** An ordered list of integers, at least one; with commas in the environment and in flags. */
export interface IntsSetting extends Common<readonly number[]> {
  readonly kind: "ints";
  /** Range of each. */
  readonly min: number;
  readonly max: number;
  /** Most integers. */
  readonly maxCount: number;
}

/** A list of different free words, which may be empty; with commas in the environment and in flags. */
export interface NamesSetting extends Common<readonly string[]> {
  readonly kind: "names";
  /** Most words. */
  readonly max: number;
  /** Longest word. */
  readonly maxLength: number;
}

/** Text, or the path of a file or folder; a relative path starts at the file that holds it, else at the working directory. */
export interface StringSetting extends Common<string> {
  readonly kind: "string" | "path";
  readonly maxLength: number;
  /** Whether it may be empty, which then means none; false by default. */
  readonly optional?: boolean;
}

/** The row that fits a field of type T. */
export type SettingOf<T> = [T] extends [number]
  ? NumberSetting
  : [T] extends [boolean]
    ? BooleanSetting
    : [T] extends [readonly number[]]
      ? IntsSetting
      : [T] extends [readonly (infer C extends string)[]]
        ? string extends C
          ? NamesSetting
          : ChoicesSetting<C>
        : [T] extends [string]
          ? string extends T
            ? StringSetting
            : ChoiceSetting<T>
          : never;

/** Any row. */
export type Setting =
  | NumberSetting
  | IntsSetting
  | BooleanSetting
  | ChoiceSetting<string>
  | ChoicesSetting<string>
  | NamesSetting
  | StringSetting;

/** Name in the environment: `grpcPort` is `PREDICTD_GRPC_PORT`. */
export function envName(key: keyof Config): string {
  return `PREDICTD_${key.replace(/[A-Z]/g, (char) => `_${char}`).toUpperCase()}`;
}

/** Name on the command line: `grpcPort` is `--grpc-port`. */
export function flagName(key: string): string {
  return `--${key.replace(/[A-Z]/g, (char) => `-${char.toLowerCase()}`)}`;
}

/** The checker of a row. */
export function fieldOf(setting: Setting): Field<Config[keyof Config]> {
  switch (setting.kind) {
    case "int":
      return intField(setting.min, setting.max);
    case "number":
      return numberField(setting.min, setting.max);
    case "boolean":
      return booleanField();
    case "choice":
      return choiceField(setting.choices) as Field<Config[keyof Config]>; // the row's type ties its choices to the field
    case "choices":
      return listField(choiceField(setting.choices), { min: 1, max: setting.choices.length, uniqueBy: String }) as Field<
        Config[keyof Config]
      >;
    case "ints":
      return listField(intField(setting.min, setting.max), { min: 1, max: setting.maxCount });
    case "names":
      return listField(stringField(1, setting.maxLength), { max: setting.max, uniqueBy: String }) as Field<Config[keyof Config]>;
    default:
      return stringField(setting.optional === true ? 0 : 1, setting.maxLength);
  }
}
