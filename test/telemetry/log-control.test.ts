// The log's settings at run time: what they begin with, what they take, and that the log follows.

import { describe, expect, test } from "@jest/globals";
import type { ServiceError } from "../../src/errors.ts";
import { createLogControl, type LogSettingValue } from "../../src/telemetry/log-control.ts";
import { createLogger, type LogDestination } from "../../src/telemetry/logger.ts";

const LEVELS = ["debug", "info", "warn", "error"] as const;

const ON = { log_file: "", log_info: true, log_warning: true, log_error: true, log_verbose_level: 0, log_format: "default" };

function capture(isTTY = false): LogDestination & { readonly lines: string[] } {
  const lines: string[] = [];
  return { isTTY, lines, write: (line) => void lines.push(line) };
}

function refusal(changes: Iterable<readonly [string, LogSettingValue]>): ServiceError {
  const control = createLogControl({ logLevel: "info" });
  try {
    control.update(changes);
  } catch (error) {
    // All or nothing: what stood before the wrong one has not been taken over.
    expect(control.settings()).toEqual(ON);
    return error as ServiceError;
  }
  throw new Error("The changes were taken.");
}

test.each([
  ["debug", { ...ON, log_verbose_level: 1 }],
  ["info", ON],
  ["warn", { ...ON, log_info: false }],
  ["error", { ...ON, log_info: false, log_warning: false }],
  ["silent", { ...ON, log_info: false, log_warning: false, log_error: false }],
] as const)("the settings begin with the configured level %s", (logLevel, settings) => {
  expect(createLogControl({ logLevel }).settings()).toEqual(settings);
});

describe("update", () => {
  test("changes what is named, leaves the rest, and returns all", () => {
    const control = createLogControl({ logLevel: "info" });
    const before = control.settings();
    const changed = { ...ON, log_info: false, log_verbose_level: 4_294_967_295, log_format: "ISO8601" };
    expect(
      control.update(
        new Map<string, LogSettingValue>([
          ["log_info", false],
          ["log_verbose_level", 4_294_967_295],
          ["log_format", "ISO8601"],
        ]),
      ),
    ).toEqual(changed);
    expect(control.settings()).toEqual(changed);
    expect(before).toEqual(ON);
    expect(control.update([])).toEqual(changed);
  });

  test.each<readonly [string, LogSettingValue]>([
    ["log_info", 1],
    ["log_info", "true"],
    ["log_info", undefined],
    ["log_warning", "off"],
    ["log_error", 0],
    ["log_verbose_level", true],
    ["log_verbose_level", -1],
    ["log_verbose_level", 0.5],
    ["log_verbose_level", Number.NaN],
    ["log_verbose_level", 4_294_967_296],
    ["log_verbose_level", "1"],
    ["log_format", "iso8601"],
    ["log_format", 1],
    ["log_format", undefined],
    ["log_warnings", true],
    ["constructor", true],
    ["", true],
  ])("refuses %s = %p by name", (name, value) => {
    const error = refusal([
      ["log_error", false],
      [name, value],
    ]);
    expect([error.reason, error.code]).toEqual(["PARAMETER_INVALID", "INVALID_ARGUMENT"]);
    expect(error.message).toContain(`"${name}"`);
    expect(error.violations).toEqual([{ field: `settings["${name}"]`, description: error.message }]);
    expect(error.metadata).toEqual({ setting: name });
  });

  test("the log's file is the configuration's", () => {
    const error = refusal([
      ["log_info", false],
      ["log_file", "/etc/passwd"],
    ]);
    expect([error.reason, error.code, error.metadata]).toEqual(["SETTING_READ_ONLY", "UNIMPLEMENTED", { setting: "log_file" }]);
  });

  test("a name of any length and content makes a short, printable message", () => {
    const error = refusal([[`\u0000${"x".repeat(100_000)}`, true]]);
    expect(error.message.length).toBeLessThan(300);
    expect(error.message).toContain("\\u0000xxx");
    expect(error.metadata["setting"]).toHaveLength(64);
  });
});

describe("the log follows", () => {
  test.each([
    ["log_verbose_level", 1, ["debug", "info", "warn", "error"]],
    ["log_info", false, ["warn", "error"]],
    ["log_warning", false, ["info", "error"]],
    ["log_error", false, ["info", "warn"]],
  ] as const)("%s = %p concerns its level only, in old children too", (name, value, written) => {
    const out = capture();
    const control = createLogControl({ logLevel: "info" });
    const child = createLogger({ logLevel: "info", logFormat: "json" }, out, control).child({ a: 1 }).child({ b: 2 });
    control.update([[name, value]]);
    for (const level of LEVELS) child[level]({ c: 3 }, level);
    expect(out.lines.map((line) => JSON.parse(line) as unknown)).toEqual(
      written.map((level) => ({ level, time: expect.any(String), a: 1, b: 2, c: 3, msg: level })),
    );
  });

  test("a level that was configured away comes back", () => {
    const out = capture();
    const control = createLogControl({ logLevel: "silent" });
    const logger = createLogger({ logLevel: "silent", logFormat: "json" }, out, control);
    logger.error("lost");
    control.update([["log_error", true]]);
    logger.error("seen");
    expect(out.lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(["seen"]);
  });

  test("a line that is switched off is not even looked at", () => {
    const out = capture();
    const logger = createLogger({ logLevel: "info", logFormat: "json" }, out);
    const fields = {
      get costly(): never {
        throw new Error("Somebody looked.");
      },
    };
    expect(() => logger.debug(fields, "x")).not.toThrow();
    expect(out.lines).toEqual([]);
  });

  test("a message is not a format", () => {
    const out = capture();
    createLogger({ logLevel: "info", logFormat: "json" }, out).info("100 %s %d");
    expect(JSON.parse(out.lines[0]!)).toMatchObject({ msg: "100 %s %d" });
  });

  test("lines for people have the time of day by default and ISO 8601 when asked", () => {
    const out = capture();
    const control = createLogControl({ logLevel: "info" });
    const logger = createLogger({ logLevel: "info", logFormat: "pretty" }, out, control);
    logger.info("x");
    control.update([["log_format", "ISO8601"]]);
    logger.info("x");
    control.update([["log_format", "default"]]);
    logger.info("x");
    expect(out.lines.map((line) => /^\[(.*?)\]/.exec(line)?.[1]?.replaceAll(/\d/g, "0"))).toEqual([
      "00:00:00.000",
      "0000-00-00T00:00:00.000Z",
      "00:00:00.000",
    ]);
  });

  test.each(["default", "ISO8601"])("JSON lines have ISO 8601 time with %s", (format) => {
    const out = capture();
    const control = createLogControl({ logLevel: "info" });
    control.update([["log_format", format]]);
    createLogger({ logLevel: "info", logFormat: "json" }, out, control).info("x");
    expect(JSON.parse(out.lines[0]!)).toMatchObject({ time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) });
  });
});
