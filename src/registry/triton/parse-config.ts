// Reads a Triton model configuration: the text of a config.pbtxt, or the JSON of a load call.

import type { JsonValue, Message } from "@bufbuild/protobuf";
import { fromJson } from "@bufbuild/protobuf";
import { fromText } from "@bufbuild/protobuf/txtpb";
import type { ModelConfig } from "../../../generated/inference/model_config.ts";
import type { ConfigSource } from "./config-error.ts";
import { ConfigError } from "./config-error.ts";
import { configSchema, toConfig } from "./config-schema.ts";
import { errorLine } from "./error-line.ts";

/** Most bytes of a configuration, and most characters of its text. */
export const MAX_CONFIG_BYTES = 1_048_576;

/** A configuration as somebody wrote it. */
export interface GivenConfig {
  readonly source: ConfigSource;
  readonly config: ModelConfig;
  /** Whether it says anything about `max_batch_size`, be it 0. */
  readonly givenMaxBatchSize: boolean;
}

/**
 * Reads the protobuf text format; an empty text is a configuration that says nothing.
 * @throws ConfigError naming the line, the field and what is wrong.
 */
export function parseConfigText(text: string): GivenConfig {
  const source = "config.pbtxt";
  assertSize(source, text);
  // Our typed form keeps maps in plain objects, where this key would vanish.
  if (text.includes("__proto__")) throw new ConfigError(source, "__proto__ is not allowed as a name");
  let config: ModelConfig;
  try {
    config = toConfig(parseText(text));
  } catch (error) {
    throw new ConfigError(source, `${errorLine(text, error, parseText)}${messageOf(error)}`, { cause: error });
  }
  return { source, config, givenMaxBatchSize: /(?<!\w)max_batch_size(?!\w)/.test(withoutStrings(text)) };
}

/**
 * Reads protobuf JSON: names in snake_case or camelCase, 64-bit numbers as numbers or strings.
 * @throws ConfigError naming the field and what is wrong.
 */
export function parseConfigJson(text: string): GivenConfig {
  const source = "load call";
  assertSize(source, text);
  try {
    const json = JSON.parse(text, keepDigits as Reviver) as JsonValue;
    const config = toConfig(fromJson(configSchema(), json));
    const top = json as Readonly<Record<string, unknown>>;
    return { source, config, givenMaxBatchSize: (top["max_batch_size"] ?? top["maxBatchSize"] ?? null) !== null };
  } catch (error) {
    throw new ConfigError(source, messageOf(error), { cause: error });
  }
}

type Reviver = (key: string, value: unknown) => unknown;

/** Leaves integers that a number cannot hold as their digits, which protobuf JSON takes as well. */
function keepDigits(key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (key === "__proto__") throw new Error("__proto__ is not allowed as a name");
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  return /^-?\d+$/.test(context.source ?? "") ? context.source : value;
}

function parseText(text: string): Message {
  return fromText(configSchema(), text);
}

function assertSize(source: ConfigSource, text: string): void {
  if (text.length > MAX_CONFIG_BYTES) throw new ConfigError(source, `it must have at most ${MAX_CONFIG_BYTES} characters`);
}

function withoutStrings(text: string): string {
  return text.replace(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|#[^\n]*/g, " ");
}

function messageOf(error: unknown): string {
  if (error instanceof RangeError) return "it nests too deeply";
  return (error instanceof Error ? error.message : String(error)).replaceAll("inference.", "");
}
