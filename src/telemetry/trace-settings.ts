// The trace settings as they stand on the wire: their names, values, limits and defaults.

import { ServiceError } from "../errors.ts";
import { invalidSetting, quote, readOnlySetting } from "./setting-errors.ts";

/** Names of the trace settings, those of Triton's trace extension. */
export type TraceSettingName = "trace_file" | "trace_level" | "trace_rate" | "trace_count" | "log_frequency" | "trace_mode";

/** All trace settings of the server or of one model; each is a list of texts, with one text in all but `trace_level`. */
export type TraceSettings = Readonly<Record<TraceSettingName, readonly string[]>>;

/** The settings that can be changed, in the server's own terms. */
export interface TraceValues {
  /** `trace_level`: whether timestamps are taken; false by default. */
  readonly timestamps: boolean;
  /** `trace_rate`: one of so many answered requests is traced, 1 to 4294967295; 1000 by default. */
  readonly rate: number;
  /** `trace_count`: how many more are traced, 0 to 2147483647; -1, the default, for any number. */
  readonly count: number;
  /** `log_frequency`: traces in one file before the next is begun, 0 to 4294967295; 0, the default, for all in one. */
  readonly tracesPerFile: number;
}

/** Values to take over; null for the value of the level above: the server's for a model, the default for the server. */
export type TraceChanges = { readonly [K in keyof TraceValues]?: TraceValues[K] | null };

/** What the settings are until somebody changes them. */
export const DEFAULT_TRACE_VALUES: TraceValues = Object.freeze({ timestamps: false, rate: 1000, count: -1, tracesPerFile: 0 });

const MAX_INT32 = 2_147_483_647;
const MAX_UINT32 = 4_294_967_295;

/**
 * Reads changes as they come from a caller.
 * @throws ServiceError PARAMETER_INVALID for an unknown setting or a value it cannot take, SETTING_READ_ONLY for `trace_file` and another
 * `trace_mode`, METHOD_OFF for the level TENSORS.
 */
export function parseTraceChanges(changes: Iterable<readonly [string, readonly string[]]>): TraceChanges {
  const parsed: { -readonly [K in keyof TraceChanges]: TraceChanges[K] } = {};
  for (const [name, values] of changes) {
    switch (name) {
      case "trace_level":
        parsed.timestamps = values.length === 0 ? null : parseLevels(values);
        break;
      case "trace_rate":
        parsed.rate = parseInteger(name, values, 1, MAX_UINT32);
        break;
      case "trace_count":
        parsed.count = parseInteger(name, values, -1, MAX_INT32);
        break;
      case "log_frequency":
        parsed.tracesPerFile = parseInteger(name, values, 0, MAX_UINT32);
        break;
      case "trace_mode":
        // There is one mode; who asks for it, or for the default, has it.
        if (values.some((value) => value !== "triton")) throw readOnlySetting(name);
        break;
      case "trace_file":
        throw readOnlySetting(name);
      default:
        throw invalidSetting(name, "does not exist; there are trace_file, trace_level, trace_rate, trace_count, log_frequency, trace_mode");
    }
  }
  return parsed;
}

/** The settings as they go to a caller. */
export function renderTraceSettings({ timestamps, rate, count, tracesPerFile }: TraceValues, file: string): TraceSettings {
  return {
    trace_file: [file],
    trace_level: [timestamps ? "TIMESTAMPS" : "OFF"],
    trace_rate: [String(rate)],
    trace_count: [String(count)],
    log_frequency: [String(tracesPerFile)],
    trace_mode: ["triton"],
  };
}

function parseLevels(values: readonly string[]): boolean {
  for (const value of values) {
    if (value === "TENSORS") throw noTensors();
    if (value !== "OFF" && value !== "TIMESTAMPS") throw invalidSetting("trace_level", `has no level ${quote(value)}`);
  }
  const off = values.includes("OFF");
  if (off && values.length > 1) throw invalidSetting("trace_level", "takes OFF only alone");
  return !off;
}

function noTensors(): ServiceError {
  const text = "The trace level TENSORS does not exist here: the contents of tensors are never traced, only TIMESTAMPS are.";
  return new ServiceError("METHOD_OFF", text, {
    violations: [{ field: 'settings["trace_level"]', description: text }],
    metadata: { setting: "trace_level" },
  });
}

function parseInteger(name: TraceSettingName, values: readonly string[], min: number, max: number): number | null {
  const [text] = values;
  if (text === undefined) return null;
  const value = /^-?\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (values.length > 1 || !(value >= min && value <= max)) throw invalidSetting(name, `must be one whole number from ${min} to ${max}`);
  return value;
}
