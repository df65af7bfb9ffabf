// Configurations as text and as JSON: what is read, and how everything wrong with them is said.

import { describe, expect, test } from "@jest/globals";
import { ConfigError } from "../../../src/registry/triton/config-error.ts";
import type { GivenConfig } from "../../../src/registry/triton/parse-config.ts";
import { MAX_CONFIG_BYTES, parseConfigJson, parseConfigText } from "../../../src/registry/triton/parse-config.ts";

function problemOf(parse: () => GivenConfig): string {
  try {
    parse();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
}

describe("text", () => {
  test("an empty text says nothing", () => {
    const { source, config, givenMaxBatchSize } = parseConfigText("# nothing\n");
    expect({ source, givenMaxBatchSize, name: config.name, input: config.input }).toEqual({
      source: "config.pbtxt",
      givenMaxBatchSize: false,
      name: "",
      input: [],
    });
  });

  test("lists, maps, both kinds of brackets, enums by name, 64-bit numbers", () => {
    const { config } = parseConfigText(`
      input [ { name: "x", data_type: TYPE_FP32, dims: [ -1, 9007199254740993 ] } ]
      input < name: 'y' data_type: TYPE_STRING dims: 1 dims: 2 >
      parameters { key: "a" value { string_value: "1" } }
      parameters: [ { key: "b" value: { string_value: "2" } } ]
      dynamic_batching { priority_queue_policy { key: 18446744073709551615 value { timeout_action: DELAY } } }
    `);
    expect(config.input.map(({ name, dataType, dims }) => ({ name, dataType, dims }))).toEqual([
      { name: "x", dataType: 11, dims: [-1n, 9_007_199_254_740_993n] },
      { name: "y", dataType: 13, dims: [1n, 2n] },
    ]);
    expect(config.parameters).toEqual({ a: { stringValue: "1" }, b: { stringValue: "2" } });
    expect(config.schedulingChoice).toMatchObject({
      $case: "dynamicBatching",
      value: { priorityQueuePolicy: new Map([[18_446_744_073_709_551_615n, expect.objectContaining({ timeoutAction: 1 })]]) },
    });
  });

  test.each([
    ["max_batch_size: 8", true],
    ["max_batch_size: 0", true],
    ["name: 'a' max_batch_size:0", true],
    ["", false],
    ["# max_batch_size: 8", false],
    ['metric_tags { key: "max_batch_size" value: "max_batch_size: 3" }', false],
    ["metric_tags { key: 'it\\'s max_batch_size: 3' value: '#' } # max_batch_size: 4", false],
  ])("whether %j says anything about max_batch_size: %p", (text, given) => {
    expect(parseConfigText(text).givenMaxBatchSize).toBe(given);
  });

  const cases: readonly (readonly [string, unknown])[] = [
    ['name: "a"\nplatfrom: "x"\n', 'line 2: unknown field "platfrom" for message ModelConfig'],
    ["input {\n  name: 'x'\n  dim: 3\n}", 'line 3: unknown field "dim" for message ModelInput'],
    ["input [\n  { dims: [ 1, x ] }\n]", 'line 2: expected an integer, got "x"'],
    ["input { data_type: TYPE_FLOAT }", 'line 1: unknown enum value "TYPE_FLOAT" for enum DataType'],
    ["max_batch_size: 2147483648", expect.stringMatching(/^line 1: .*ModelConfig\.max_batch_size.*out of range$/)],
    ["max_batch_size: 1\n\nmax_batch_size: 2", 'line 3: non-repeated field "max_batch_size" is repeated'],
    ["dynamic_batching {}\nsequence_batching {}", 'line 2: oneof "scheduling_choice" is already set'],
    ["input {\n  name: 'x'\n", 'unexpected end of input, expected "}"'],
    ['name: "a', "line 1: unterminated string"],
    ["name: 1", 'line 1: expected a string, got "1"'],
    ["{}", 'line 1: expected a field name, got "{"'],
    ["name: 'a\u0000b'", "line 1: invalid U+0000 in string"],
    ["\u0007", "line 1: unexpected U+0007"],
    ["input {".repeat(10_000), 'line 1: unknown field "input" for message ModelInput'],
    ["metric_tags { key: '__proto__' value: 'x' }", "__proto__ is not allowed as a name"],
    [`name: "${"x".repeat(MAX_CONFIG_BYTES)}"`, "it must have at most 1048576 characters"],
  ];
  test.each(cases.map(([text, problem]) => ({ text, problem, start: text.slice(0, 60) })))("$start is refused", ({ text, problem }) => {
    expect(problemOf(() => parseConfigText(text)).replace("config.pbtxt cannot be used: ", "")).toEqual(problem);
  });

  test("a message is short and on one line whatever the file holds", () => {
    const message = problemOf(() => parseConfigText(`${"y".repeat(100_000)}: 1`));
    expect(message.length).toBeLessThan(400);
    expect(message).toMatch(/^[ -~…]+$/);
  });
});

describe("json", () => {
  test("names in both spellings, 64-bit numbers as numbers and as strings", () => {
    const { source, config, givenMaxBatchSize } = parseConfigJson(`{
      "max_batch_size": 8,
      "instanceGroup": [{ "kind": "KIND_CPU", "count": 2 }],
      "input": [{ "name": "x", "data_type": "TYPE_INT64", "dims": [-1, "16", 9007199254740993] }],
      "dynamic_batching": { "max_queue_delay_microseconds": 100 }
    }`);
    expect({ source, givenMaxBatchSize, group: config.instanceGroup[0], dims: config.input[0]?.dims }).toMatchObject({
      source: "load call",
      givenMaxBatchSize: true,
      group: { kind: 2, count: 2 },
      dims: [-1n, 16n, 9_007_199_254_740_993n],
    });
    expect(config.schedulingChoice).toMatchObject({ value: { maxQueueDelayMicroseconds: 100n } });
  });

  test.each([
    ['{"maxBatchSize": 0}', true],
    ['{"max_batch_size": null}', false],
    ["{}", false],
  ])("whether %s says anything about max_batch_size: %p", (text, given) => {
    expect(parseConfigJson(text).givenMaxBatchSize).toBe(given);
  });

  const cases: readonly (readonly [string, unknown])[] = [
    ["", "Unexpected end of JSON input"],
    ["[]", "cannot decode message ModelConfig from JSON: Array(0)"],
    ["null", "cannot decode message ModelConfig from JSON: null"],
    ['{"nmae": "x"}', 'cannot decode message ModelConfig from JSON: key "nmae" is unknown'],
    ['{"input": [{"dims": [1.5]}]}', expect.stringMatching(/^cannot decode field ModelInput\.dims from JSON: list item #1: /)],
    ['{"max_batch_size": 1, "maxBatchSize": 2}', "cannot decode field ModelConfig.max_batch_size from JSON: set multiple times"],
    ["[".repeat(100_000), expect.stringMatching(/./)],
    ["[".repeat(100_000) + "]".repeat(100_000), "it nests too deeply"],
    ['{"__proto__": {"name": "x"}}', "__proto__ is not allowed as a name"],
    ['{"parameters": {"__proto__": {"string_value": "x"}}}', "__proto__ is not allowed as a name"],
    [`"${"x".repeat(MAX_CONFIG_BYTES)}"`, "it must have at most 1048576 characters"],
  ];
  test.each(cases.map(([text, problem]) => ({ text, problem, start: text.slice(0, 60) })))("$start is refused", ({ text, problem }) => {
    expect(problemOf(() => parseConfigJson(text)).replace("The configuration cannot be used: ", "")).toEqual(problem);
  });
});
