// What the log writes, where, and in which form.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { createLogger, type LogDestination, silentLogger } from "../../src/telemetry/logger.ts";

function capture(isTTY = false): LogDestination & { readonly lines: string[] } {
  const lines: string[] = [];
  return { isTTY, lines, write: (line) => void lines.push(line) };
}

const parsed = (line: string | undefined) => JSON.parse(line!) as Record<string, unknown>;

describe("json", () => {
  test("a line has the level as a word, ISO time, fields and message, and nothing else", () => {
    const out = capture();
    createLogger({ logLevel: "info", logFormat: "json" }, out).warn({ model: "digits" }, "slow");
    expect(out.lines).toHaveLength(1);
    expect(out.lines[0]).toMatch(/\n$/);
    expect(parsed(out.lines[0])).toEqual({
      level: "warn",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      model: "digits",
      msg: "slow",
    });
  });

  test("children add their fields", () => {
    const out = capture();
    createLogger({ logLevel: "info", logFormat: "json" }, out).child({ a: 1 }).child({ b: 2 }).info("x");
    expect(parsed(out.lines[0])).toMatchObject({ a: 1, b: 2, msg: "x" });
  });

  test("an error is written with its own fields and its causes", () => {
    const out = capture();
    const error = Object.assign(new Error("outer", { cause: new TypeError("inner") }), { reason: "INTERNAL" });
    createLogger({ logLevel: "info", logFormat: "json" }, out).error({ err: error }, "failed");
    expect(parsed(out.lines[0])["err"]).toMatchObject({
      type: "Error",
      message: "outer",
      reason: "INTERNAL",
      stack: expect.stringContaining("logger.test.ts"),
      cause: { type: "TypeError", message: "inner" },
    });
  });
});

describe("level", () => {
  test.each([
    ["debug", ["debug", "info", "warn", "error"]],
    ["info", ["info", "warn", "error"]],
    ["warn", ["warn", "error"]],
    ["error", ["error"]],
    ["silent", []],
  ] as const)("%s", (logLevel, written) => {
    const out = capture();
    const logger = createLogger({ logLevel, logFormat: "json" }, out);
    for (const level of ["debug", "info", "warn", "error"] as const) logger[level](level);
    expect(out.lines.map((line) => parsed(line)["msg"])).toEqual(written);
  });
});

describe("format", () => {
  test.each([
    ["auto", false, true],
    ["auto", true, false],
    ["json", true, true],
    ["pretty", false, false],
  ] as const)("%s with a terminal: %p", (logFormat, isTTY, isJson) => {
    const out = capture(isTTY);
    createLogger({ logLevel: "info", logFormat }, out).info({ port: 8001 }, "listening");
    const text = out.lines.join("");
    expect(text.startsWith("{")).toBe(isJson);
    expect(text).toContain("listening");
    expect(text).toContain("8001");
  });

  test("colours are for terminals", () => {
    const [terminal, pipe] = [capture(true), capture(false)];
    for (const out of [terminal, pipe]) createLogger({ logLevel: "info", logFormat: "pretty" }, out).info("x");
    expect(terminal.lines.join("")).toContain("\u001b[");
    expect(pipe.lines.join("")).not.toContain("\u001b[");
  });

  test("pretty shows an error's cause", () => {
    const out = capture();
    createLogger({ logLevel: "info", logFormat: "pretty" }, out).error(
      { err: new Error("outer", { cause: new Error("inner") }) },
      "failed",
    );
    expect(out.lines.join("")).toContain("inner");
  });
});

test.each(["json", "pretty"])("%s lines go to stderr and are all there when the process exits at once", (logFormat) => {
  const module = fileURLToPath(new URL("../../src/telemetry/logger.ts", import.meta.url));
  const script = `const { createLogger } = await import(${JSON.stringify(module)});
    const logger = createLogger({ logLevel: "info", logFormat: "${logFormat}" });
    for (let i = 0; i < 2000; i++) logger.info({ i }, "line");
    process.exit(3);`;
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8", timeout: 30_000 });
  expect([child.status, child.stdout]).toEqual([3, ""]);
  expect(child.stderr.match(/line/g)).toHaveLength(2000);
});

test("the silent logger writes nothing and has children", () => {
  expect(() =>
    silentLogger()
      .child({ a: 1 })
      .error({ err: new Error("x") }, "y"),
  ).not.toThrow();
});
