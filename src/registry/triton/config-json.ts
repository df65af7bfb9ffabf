// A model configuration as JSON in the form that Triton's REST face has it.

import type { DescField, DescMessage, JsonValue } from "@bufbuild/protobuf";
import { ScalarType, toJson } from "@bufbuild/protobuf";
import type { ModelConfig } from "../../../generated/inference/model_config.ts";
import { configSchema, fromConfig } from "./config-schema.ts";

type JsonObject = { readonly [key: string]: JsonValue };

const LONG_TYPES: ReadonlySet<ScalarType> = new Set([ScalarType.INT64, ScalarType.UINT64]);

/**
 * Names in snake_case, plain fields, lists and maps that say nothing included; messages that are not set are left out. 64-bit numbers
 * are numbers: those that JavaScript cannot hold exactly keep their digits when the result is given to JSON.stringify.
 */
export function configToJson(config: ModelConfig): object {
  const json = toJson(configSchema(), fromConfig(config), { alwaysEmitImplicit: true, useProtoFieldName: true });
  return withNumbers(configSchema(), json as JsonObject);
}

function withNumbers(schema: DescMessage, json: JsonObject): Readonly<Record<string, unknown>> {
  const fields = new Map(schema.fields.map((field) => [field.name, field]));
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, fieldValue(fields.get(name)!, value)]));
}

function fieldValue(field: DescField, value: JsonValue): unknown {
  const item = itemReader(field);
  if (item === undefined) return value;
  if (field.fieldKind === "list") return (value as JsonValue[]).map(item);
  if (field.fieldKind === "map") return Object.fromEntries(Object.entries(value as JsonObject).map(([key, entry]) => [key, item(entry)]));
  return item(value);
}

/** Undefined for values that stay as they are. */
function itemReader({ message, scalar }: DescField): ((value: JsonValue) => unknown) | undefined {
  if (message !== undefined) return (value) => withNumbers(message, value as JsonObject);
  return scalar !== undefined && LONG_TYPES.has(scalar) ? (value) => toNumber(value as string) : undefined;
}

function toNumber(digits: string): unknown {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(digits);
}
