// Trace settings as callers write them.

import { describe, expect, test } from "@jest/globals";
import type { ServiceError } from "../../src/errors.ts";
import { DEFAULT_TRACE_VALUES, parseTraceChanges, renderTraceSettings } from "../../src/telemetry/trace-settings.ts";

function refusal(name: string, values: readonly string[]): ServiceError {
  try {
    parseTraceChanges([[name, values]]);
  } catch (error) {
    return error as ServiceError;
  }
  throw new Error("The value was taken.");
}

test.each([
  ["trace_level", ["TIMESTAMPS"], { timestamps: true }],
  ["trace_level", ["TIMESTAMPS", "TIMESTAMPS"], { timestamps: true }],
  ["trace_level", ["OFF"], { timestamps: false }],
  ["trace_level", [], { timestamps: null }],
  ["trace_rate", ["1"], { rate: 1 }],
  ["trace_rate", ["4294967295"], { rate: 4_294_967_295 }],
  ["trace_rate", [], { rate: null }],
  ["trace_count", ["-1"], { count: -1 }],
  ["trace_count", ["0"], { count: 0 }],
  ["trace_count", ["2147483647"], { count: 2_147_483_647 }],
  ["trace_count", [], { count: null }],
  ["log_frequency", ["0"], { tracesPerFile: 0 }],
  ["log_frequency", ["4294967295"], { tracesPerFile: 4_294_967_295 }],
  ["log_frequency", [], { tracesPerFile: null }],
  ["trace_mode", ["triton"], {}],
  ["trace_mode", [], {}],
])("%s = %j is taken", (name, values, changes) => {
  expect(parseTraceChanges([[name, values]])).toEqual(changes);
});

test.each([
  ["trace_level", [""]],
  ["trace_level", ["timestamps"]],
  ["trace_level", ["MAX"]],
  ["trace_level", ["OFF", "TIMESTAMPS"]],
  ["trace_level", ["OFF", "OFF"]],
  ["trace_rate", ["0"]],
  ["trace_rate", ["-1"]],
  ["trace_rate", ["4294967296"]],
  ["trace_rate", ["1.5"]],
  ["trace_rate", ["1e3"]],
  ["trace_rate", [" 1"]],
  ["trace_rate", [""]],
  ["trace_rate", ["1", "2"]],
  ["trace_count", ["-2"]],
  ["trace_count", ["2147483648"]],
  ["trace_count", ["many"]],
  ["log_frequency", ["-1"]],
  ["log_frequency", ["4294967296"]],
  ["log_frequency", ["99999999999999999999"]],
  ["sample_rate", ["1"]],
  ["__proto__", ["1"]],
])("%s = %j is refused by name", (name, values) => {
  const error = refusal(name, values);
  expect([error.reason, error.code]).toEqual(["PARAMETER_INVALID", "INVALID_ARGUMENT"]);
  expect(error.message).toContain(`"${name}"`);
  expect(error.violations).toEqual([{ field: `settings["${name}"]`, description: error.message }]);
  expect(error.metadata).toEqual({ setting: name });
});

test.each([
  ["trace_file", ["/etc/passwd"]],
  ["trace_file", []],
  ["trace_mode", ["opentelemetry"]],
  ["trace_mode", ["triton", "opentelemetry"]],
])("%s = %j is the configuration's to decide", (name, values) => {
  const error = refusal(name, values);
  expect([error.reason, error.code, error.metadata]).toEqual(["SETTING_READ_ONLY", "UNIMPLEMENTED", { setting: name }]);
});

test.each([[["TENSORS"]], [["TIMESTAMPS", "TENSORS"]]])("the level %j does not exist here", (values) => {
  const error = refusal("trace_level", values);
  expect([error.reason, error.code, error.metadata]).toEqual(["METHOD_OFF", "UNIMPLEMENTED", { setting: "trace_level" }]);
  expect(error.message).toContain("TENSORS");
});

test("a value of any length makes a short message", () => {
  expect(refusal("trace_level", ["x".repeat(100_000)]).message.length).toBeLessThan(300);
});

describe("as they go to a caller", () => {
  test("the defaults", () => {
    expect(renderTraceSettings(DEFAULT_TRACE_VALUES, "")).toEqual({
      trace_file: [""],
      trace_level: ["OFF"],
      trace_rate: ["1000"],
      trace_count: ["-1"],
      log_frequency: ["0"],
      trace_mode: ["triton"],
    });
  });

  test("all changed", () => {
    expect(renderTraceSettings({ timestamps: true, rate: 4_294_967_295, count: 0, tracesPerFile: 50 }, "trace.json")).toEqual({
      trace_file: ["trace.json"],
      trace_level: ["TIMESTAMPS"],
      trace_rate: ["4294967295"],
      trace_count: ["0"],
      log_frequency: ["50"],
      trace_mode: ["triton"],
    });
  });
});
