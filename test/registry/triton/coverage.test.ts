// No field of a Triton configuration is dropped silently: setting any of them changes the settings or a finding, or is reported above it.

import { expect, test } from "@jest/globals";
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { configSchema } from "../../../src/registry/triton/config-schema.ts";
import type { MappedConfig } from "../../../src/registry/triton/map-config.ts";
import { mapConfig } from "../../../src/registry/triton/map-config.ts";
import type { GivenConfig } from "../../../src/registry/triton/parse-config.ts";
import { parseConfigJson } from "../../../src/registry/triton/parse-config.ts";

type Mapper = (given: GivenConfig) => MappedConfig;

/** Every way from the top to a field: itself and those below it. */
function pathsOf(schema: DescMessage, above: readonly DescField[] = []): readonly (readonly DescField[])[] {
  return schema.fields.flatMap((field) => {
    const path = [...above, field];
    return [path, ...(field.message === undefined ? [] : pathsOf(field.message, path))];
  });
}

/** What a message has to say before its other fields mean anything. */
const CONTEXT: Readonly<Record<string, object>> = {
  "inference.ModelInput": { name: "t", data_type: "TYPE_FP32", dims: [1] },
  "inference.ModelOutput": { name: "t", data_type: "TYPE_FP32", dims: [1] },
  "inference.ModelWarmup": { batch_size: 1 },
  "inference.ModelWarmup.Input": { data_type: "TYPE_FP32", dims: [1], zero_data: true },
};

/** A configuration as JSON in which the last field of a path is set to something that is not its default, or is not set. */
function jsonOf(path: readonly DescField[], isSet: boolean): object {
  const [field, ...below] = path;
  if (field === undefined) return {};
  const rivals = (field.oneof?.fields ?? [field]).map(({ name }) => name);
  const context = Object.entries(CONTEXT[field.parent.typeName] ?? {}).filter(([name]) => !rivals.includes(name));
  const value = below.length > 0 ? jsonOf(below, isSet) : sampleValue(field);
  const filled = field.fieldKind === "list" ? [value] : field.fieldKind === "map" ? { 1: value } : value;
  return Object.fromEntries(below.length > 0 || isSet ? [...context, [field.name, filled]] : context);
}

function sampleValue({ message, enum: anEnum, scalar }: DescField): unknown {
  if (message !== undefined) return CONTEXT[message.typeName] ?? {};
  if (anEnum !== undefined) return anEnum.values.at(-1)!.name;
  if (scalar === ScalarType.BOOL) return true;
  return scalar === ScalarType.STRING ? "2" : 2;
}

function visible({ settings, findings }: MappedConfig): string {
  const shown = { findings, settings: { ...settings, config: undefined } };
  return JSON.stringify(shown, (_key, value: unknown) =>
    value instanceof Map ? [...value] : typeof value === "bigint" ? String(value) : value,
  );
}

function nameOf(path: readonly DescField[]): string {
  return path.map(({ name }) => name).join(".");
}

/** Fields that leave no trace. */
function dropped(map: Mapper): readonly string[] {
  const silent = pathsOf(configSchema()).filter((path) => {
    const mapped = map(parseConfigJson(JSON.stringify(jsonOf(path, true))));
    const without = map(parseConfigJson(JSON.stringify(jsonOf(path, false))));
    const reported = mapped.findings
      .filter(({ level }) => level !== "mapped")
      .map(({ field }) => field.replaceAll(/\[\d+\]/g, ""))
      .some((field) => `${nameOf(path)}.`.startsWith(`${field}.`));
    return !reported && visible(mapped) === visible(without);
  });
  return silent.map(nameOf);
}

/** Messages that hold nothing by themselves: being there says nothing until a field of theirs does. */
const MEANINGLESS_ALONE = [
  "optimization",
  "optimization.cuda",
  "optimization.execution_accelerators",
  "model_operations",
  "model_transaction_policy",
  "model_repository_agents",
  "response_cache",
];

test("every field leaves a trace", () => {
  expect(pathsOf(configSchema()).length).toBeGreaterThan(150);
  expect(dropped((given) => mapConfig("1", given))).toEqual(MEANINGLESS_ALONE);
});

test("the check sees fields that are dropped, at the top and far below it", () => {
  const silent = dropped((given) =>
    mapConfig("1", {
      ...given,
      config: {
        ...given.config,
        runtime: "",
        instanceGroup: given.config.instanceGroup.map((group) => ({ ...group, hostPolicy: "" })),
        modelWarmup: given.config.modelWarmup.map((sample) => ({ ...sample, count: 0 })),
      },
    }),
  );
  expect(silent.filter((name) => !MEANINGLESS_ALONE.includes(name))).toEqual([
    "runtime",
    "instance_group.host_policy",
    "model_warmup.count",
  ]);
});
