// The log's settings while the server runs: which levels are written, and how lines for people show the time.

import type { Config } from "../config/config.ts";
import { invalidSetting, readOnlySetting } from "./setting-errors.ts";

/** All log settings, under the names that Triton's logging extension has on the wire. */
export interface LogSettings {
  /** Path of the log file. Always "", which stands for stderr; cannot be changed over the network. */
  readonly log_file: string;
  /** Whether lines of level info are written. */
  readonly log_info: boolean;
  /** Whether lines of level warn are written. */
  readonly log_warning: boolean;
  /** Whether lines of level error are written. */
  readonly log_error: boolean;
  /** 0: no debug lines; 1 to 4294967295: debug lines are written. There is one level of them. */
  readonly log_verbose_level: number;
  /**
   * How lines for people show the time: `default` is the local time of day, `ISO8601` date and time in UTC.
   * JSON lines have ISO 8601 time with either.
   */
  readonly log_format: "default" | "ISO8601";
}

/** The value of one setting as it comes from a caller; undefined when the message held none. */
export type LogSettingValue = boolean | number | string | undefined;

/** What the settings mean to the log. One object that changes in place, so that asking it costs next to nothing. */
export interface LogSwitches {
  readonly debug: boolean;
  readonly info: boolean;
  readonly warn: boolean;
  readonly error: boolean;
  /** Whether lines for people have ISO 8601 time. */
  readonly isoTime: boolean;
}

/** Reads and changes the settings of a log that is being written. The levels are independent switches. */
export interface LogControl {
  /** The settings as they are now. */
  settings(): LogSettings;
  /**
   * Changes the named settings and leaves the others; either all changes are made or none.
   * @returns all settings after the change.
   * @throws ServiceError PARAMETER_INVALID for an unknown setting or a value it cannot take, SETTING_READ_ONLY for `log_file`.
   */
  update(changes: Iterable<readonly [string, LogSettingValue]>): LogSettings;
  /** What the log asks before each line. */
  readonly switches: LogSwitches;
}

interface Rule {
  readonly allowed: string;
  readonly takes: (value: LogSettingValue) => boolean;
}

const MAX_UINT32 = 4_294_967_295;

const BOOLEAN: Rule = { allowed: "a bool", takes: (value) => typeof value === "boolean" };

const RULES: ReadonlyMap<string, Rule> = new Map<Exclude<keyof LogSettings, "log_file">, Rule>([
  ["log_info", BOOLEAN],
  ["log_warning", BOOLEAN],
  ["log_error", BOOLEAN],
  [
    "log_verbose_level",
    {
      allowed: `a whole number from 0 to ${MAX_UINT32}`,
      takes: (value) => typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_UINT32,
    },
  ],
  ["log_format", { allowed: 'the string "default" or "ISO8601"', takes: (value) => value === "default" || value === "ISO8601" }],
]);

/** Makes the control of a log whose first settings follow the configured level. */
export function createLogControl({ logLevel }: Pick<Config, "logLevel">): LogControl {
  let current: LogSettings = {
    log_file: "",
    log_info: logLevel === "debug" || logLevel === "info",
    log_warning: logLevel !== "error" && logLevel !== "silent",
    log_error: logLevel !== "silent",
    log_verbose_level: logLevel === "debug" ? 1 : 0,
    log_format: "default",
  };
  const switches = toSwitches(current);
  return {
    switches,
    settings: () => current,
    update(changes) {
      const changed = new Map<string, LogSettingValue>();
      for (const [name, value] of changes) {
        checkChange(name, value);
        changed.set(name, value);
      }
      current = { ...current, ...Object.fromEntries(changed) };
      Object.assign(switches, toSwitches(current));
      return current;
    },
  };
}

function checkChange(name: string, value: LogSettingValue): void {
  if (name === "log_file") throw readOnlySetting(name);
  const rule = RULES.get(name);
  if (rule === undefined) throw invalidSetting(name, `does not exist; there are log_file, ${[...RULES.keys()].join(", ")}`);
  if (!rule.takes(value)) throw invalidSetting(name, `must be ${rule.allowed}`);
}

function toSwitches(settings: LogSettings): LogSwitches {
  return {
    debug: settings.log_verbose_level > 0,
    info: settings.log_info,
    warn: settings.log_warning,
    error: settings.log_error,
    isoTime: settings.log_format === "ISO8601",
  };
}
