// Which source wins, what is refused and how it is said.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Config } from "../../src/config/config.ts";
import { ConfigError } from "../../src/config/config-error.ts";
import { type ConfigSources, loadConfig } from "../../src/config/load-config.ts";

let cwd: string;
let folderCount = 0;
beforeAll(() => void (cwd = mkdtempSync(join(tmpdir(), "predictd-config-"))));
afterAll(() => rmSync(cwd, { recursive: true }));

/** Loads with a predictd.yaml of this text; no file when the text is undefined. */
function load(yaml: string | undefined, rest: Partial<ConfigSources> = {}): Config {
  const folder = join(cwd, String(folderCount++));
  mkdirSync(folder);
  if (yaml !== undefined) writeFileSync(join(folder, "predictd.yaml"), yaml);
  return loadConfig({ flags: {}, env: {}, cwd: folder, machine: { cores: 4, memoryBytes: 2 ** 33 }, ...rest });
}

function problemsOf(yaml: string | undefined, rest: Partial<ConfigSources> = {}): readonly string[] {
  try {
    load(yaml, rest);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("precedence", () => {
  const env = { PREDICTD_GRPC_PORT: "2" };
  const flags = { grpcPort: "3" };
  test.each([
    ["default", undefined, {}, 8001],
    ["file over default", "grpcPort: 1", {}, 1],
    ["environment over default", undefined, { env }, 2],
    ["environment over file", "grpcPort: 1", { env }, 2],
    ["flag over file", "grpcPort: 1", { flags }, 3],
    ["flag over environment and file", "grpcPort: 1", { env, flags }, 3],
    ["undefined flag is not given", "grpcPort: 1", { flags: { grpcPort: undefined } }, 1],
    ["empty environment value is not given", "grpcPort: 1", { env: { PREDICTD_GRPC_PORT: "" } }, 1],
    ["empty file", "# nothing\n", {}, 8001],
  ])("%s", (_, yaml, rest, port) => {
    expect(load(yaml, rest).grpcPort).toBe(port);
  });

  test("sources mix key by key", () => {
    const config = load("grpcPort: 1\nmaxBatchSize: 7\nhost: file", {
      env: { PREDICTD_HOST: "env", PREDICTD_MAX_BATCH_SIZE: "8" },
      flags: { maxBatchSize: 9 },
    });
    expect([config.grpcPort, config.host, config.maxBatchSize]).toEqual([1, "env", 9]);
  });
});

describe("kinds", () => {
  test.each<[string, string, Record<string, unknown>, Record<string, string>, keyof Config, unknown]>([
    ["ints", "deviceIds: [1, 0]", { deviceIds: "1, 0" }, { PREDICTD_DEVICE_IDS: "1,0" }, "deviceIds", [1, 0]],
    ["int", "instances: 3", { instances: "3" }, { PREDICTD_INSTANCES: "3" }, "instances", 3],
    ["number", "logSampleRatio: 0.25", { logSampleRatio: "0.25" }, { PREDICTD_LOG_SAMPLE_RATIO: "2.5e-1" }, "logSampleRatio", 0.25],
    ["boolean", "reflection: false", { reflection: false }, { PREDICTD_REFLECTION: "false" }, "reflection", false],
    ["choice", "logLevel: warn", { logLevel: "warn" }, { PREDICTD_LOG_LEVEL: "warn" }, "logLevel", "warn"],
    [
      "choices",
      "executionProviders: [cpu, webgpu]",
      { executionProviders: "cpu,webgpu" },
      { PREDICTD_EXECUTION_PROVIDERS: "cpu, webgpu" },
      "executionProviders",
      ["cpu", "webgpu"],
    ],
    ["string", "host: '::1'", { host: "::1" }, { PREDICTD_HOST: "::1" }, "host", "::1"],
    ["path", "modelDir: /srv/m", { modelDir: "/srv/m" }, { PREDICTD_MODEL_DIR: "/srv/m" }, "modelDir", "/srv/m"],
  ])("%s from every source", (_, yaml, flags, env, key, value) => {
    expect([load(yaml)[key], load(undefined, { flags })[key], load(undefined, { env })[key]]).toEqual([value, value, value]);
  });

  test("machine-dependent defaults", () => {
    expect(load(undefined).maxWorkers).toBe(4);
    expect(load(undefined, { machine: { cores: 1000, memoryBytes: 1 } }).maxWorkers).toBe(256);
  });

  test("without a machine given, this one is used", () => {
    expect(load(undefined, { machine: undefined }).maxWorkers).toBeGreaterThanOrEqual(1);
  });

  test("a relative path starts at the file that holds it, else at the working directory", () => {
    const folder = join(cwd, "paths");
    mkdirSync(join(folder, "etc"), { recursive: true });
    writeFileSync(join(folder, "etc", "p.yaml"), "modelDir: ../m");
    const from = (rest: Partial<ConfigSources>) => loadConfig({ flags: {}, env: {}, cwd: folder, ...rest }).modelDir;
    expect(from({})).toBe(join(folder, "models"));
    expect(from({ configFile: "etc/p.yaml" })).toBe(join(folder, "m"));
    expect(from({ env: { PREDICTD_CONFIG: "etc/p.yaml" } })).toBe(join(folder, "m"));
    expect(from({ env: { PREDICTD_MODEL_DIR: "n" }, configFile: "etc/p.yaml" })).toBe(join(folder, "n"));
    expect(from({ flags: { modelDir: "./o" }, configFile: "etc/p.yaml" })).toBe(join(folder, "o"));
  });
});

describe("refusals", () => {
  test.each<[string, string | undefined, Partial<ConfigSources>, readonly string[]]>([
    ["integer too large", "grpcPort: 65536", {}, ["predictd.yaml line 1: grpcPort must be an integer from 0 to 65535, got 65536"]],
    [
      "integer too small",
      undefined,
      { env: { PREDICTD_MAX_MESSAGE_BYTES: "10" } },
      ["PREDICTD_MAX_MESSAGE_BYTES must be an integer from 1024 to 1073741824, got 10"],
    ],
    ["fraction", undefined, { flags: { grpcPort: "1.5" } }, ["--grpc-port must be an integer from 0 to 65535, got 1.5"]],
    ["text for an integer", undefined, { flags: { grpcPort: "80x" } }, ['--grpc-port must be an integer from 0 to 65535, got "80x"']],
    ["hexadecimal", undefined, { flags: { grpcPort: "0x10" } }, ['--grpc-port must be an integer from 0 to 65535, got "0x10"']],
    ["empty flag", undefined, { flags: { grpcPort: "" } }, ['--grpc-port must be an integer from 0 to 65535, got ""']],
    ["flag without its value", undefined, { flags: { grpcPort: true } }, ["--grpc-port must be an integer from 0 to 65535, got true"]],
    [
      "quoted integer in the file",
      "grpcPort: '8001'",
      {},
      ['predictd.yaml line 1: grpcPort must be an integer from 0 to 65535, got "8001"'],
    ],
    ["number out of range", "logSampleRatio: 1.1", {}, ["predictd.yaml line 1: logSampleRatio must be a number from 0 to 1, got 1.1"]],
    ["not a number", "logSampleRatio: .nan", {}, ["predictd.yaml line 1: logSampleRatio must be a number from 0 to 1, got NaN"]],
    ["boolean", undefined, { env: { PREDICTD_REFLECTION: "yes" } }, ['PREDICTD_REFLECTION must be true or false, got "yes"']],
    ["choice", "logLevel: loud", {}, ['predictd.yaml line 1: logLevel must be one of debug, info, warn, error, silent, got "loud"']],
    [
      "unknown item of a list",
      undefined,
      { flags: { executionProviders: "cpu,tpu" } },
      ['--execution-providers[1] must be one of cuda, cpu, webgpu, got "tpu"'],
    ],
    [
      "numbers of a list",
      "deviceIds: [0, 256]",
      { env: { PREDICTD_DEVICE_IDS: "0,x" }, flags: { deviceIds: "1.5" } },
      [
        "predictd.yaml line 1: deviceIds[1] must be an integer from 0 to 255, got 256",
        'PREDICTD_DEVICE_IDS[1] must be an integer from 0 to 255, got "x"',
        "--device-ids[0] must be an integer from 0 to 255, got 1.5",
      ],
    ],
    ["repeated item of a list", "executionProviders: [cpu, cpu]", {}, ['predictd.yaml line 1: executionProviders[1] repeats "cpu"']],
    [
      "empty list",
      "executionProviders: []",
      {},
      ["predictd.yaml line 1: executionProviders must be a list of 1 to 3 items, each one of cuda, cpu, webgpu, got 0 items"],
    ],
    ["empty path", "modelDir: ''", {}, ['predictd.yaml line 1: modelDir must be text of 1 to 4096 characters, got ""']],
    ["number for text", "host: 127", {}, ["predictd.yaml line 1: host must be text of 1 to 255 characters, got 127 (write it in quotes)"]],
    ["nothing", "grpcPort:", {}, ["predictd.yaml line 1: grpcPort must be an integer from 0 to 65535, got nothing"]],
    ["mapping", "grpcPort: {a: 1}", {}, ["predictd.yaml line 1: grpcPort must be an integer from 0 to 65535, got a mapping"]],
    ["unknown key", "\ngrpcProt: 1", {}, ["predictd.yaml line 2: grpcProt is not a setting; did you mean grpcPort?"]],
    [
      "unknown environment name, its value kept secret",
      undefined,
      { env: { PREDICTD_MODLE_DIR: "s3cret" } },
      ["PREDICTD_MODLE_DIR is not a setting; did you mean PREDICTD_MODEL_DIR?"],
    ],
    ["unknown flag", undefined, { flags: { maxBatch: 1 } }, ["--max-batch is not a setting; did you mean --max-batch-bytes?"]],
    ["unknown and like nothing", "qqqqqqqqqqqq: 1", {}, ["predictd.yaml line 1: qqqqqqqqqqqq is not a setting"]],
    ["snake case", "grpc_port: 1", {}, ["predictd.yaml line 1: grpc_port is not a setting; did you mean grpcPort?"]],
    [
      "inherited name",
      "constructor: 1\ntoString: 2",
      {},
      ["predictd.yaml line 1: constructor is not a setting", "predictd.yaml line 2: toString is not a setting"],
    ],
    ["key that is no text", "? [a]\n: 1", {}, ["predictd.yaml line 1: a list is not a setting"]],
    [
      "default deadline above the largest",
      "defaultDeadlineMs: 5000",
      { flags: { maxDeadlineMs: "1000" } },
      ["defaultDeadlineMs (5000, predictd.yaml line 1) must be at most maxDeadlineMs (1000, --max-deadline-ms)"],
    ],
    [
      "largest deadline below the default's default",
      undefined,
      { env: { PREDICTD_MAX_DEADLINE_MS: "1000" } },
      ["defaultDeadlineMs (60000, the default) must be at most maxDeadlineMs (1000, PREDICTD_MAX_DEADLINE_MS)"],
    ],
    ["file that is no mapping", "- a", {}, ["predictd.yaml line 1: must be a mapping of keys to values"]],
    ["key twice", "grpcPort: 1\ngrpcPort: 2", {}, ["predictd.yaml line 2: Map keys must be unique"]],
    [
      "alias bomb",
      `a: &a [x, x]\n${"bcdefghijk"
        .split("")
        .map((key, index) => `${key}: &${key} [${Array(9).fill(`*${"abcdefghij"[index]}`).join(", ")}]`)
        .join("\n")}`,
      {},
      ["predictd.yaml Excessive alias count indicates a resource exhaustion attack"],
    ],
    ["named file missing", undefined, { configFile: "missing.yaml" }, ["missing.yaml cannot be read (ENOENT)"]],
    ["file named by the environment missing", undefined, { env: { PREDICTD_CONFIG: "gone.yaml" } }, ["gone.yaml cannot be read (ENOENT)"]],
    ["folder instead of a file", undefined, { configFile: "." }, [". cannot be read (EISDIR)"]],
  ])("%s", (_, yaml, rest, problems) => {
    expect(problemsOf(yaml, rest)).toEqual(problems);
  });

  test("text that is no YAML names the line", () => {
    expect(problemsOf("grpcPort: 1\nhost: [")).toEqual([expect.stringMatching(/^predictd\.yaml line \d+: /)]);
  });

  test("a file of more than 1 MiB", () => {
    expect(problemsOf("#".repeat(1_048_577))).toEqual(["predictd.yaml must be at most 1048576 characters, got 1048577"]);
  });

  test("everything wrong is in one error, also values that a stronger source replaces", () => {
    const yaml = "grpcPort: -1\nmodle: x\nlogFormat: xml";
    const rest = { env: { PREDICTD_GRPC_PORT: "a", PREDICTD_X: "1" }, flags: { grpcPort: "5", drainDelayMs: "600001" } };
    expect(() => load(yaml, rest)).toThrow(`The configuration cannot be used:
  - predictd.yaml line 1: grpcPort must be an integer from 0 to 65535, got -1
  - predictd.yaml line 2: modle is not a setting
  - predictd.yaml line 3: logFormat must be one of auto, json, pretty, got "xml"
  - PREDICTD_GRPC_PORT must be an integer from 0 to 65535, got "a"
  - PREDICTD_X is not a setting
  - --drain-delay-ms must be an integer from 0 to 600000, got 600001`);
  });
});

test("__proto__ is an unknown key everywhere and pollutes nothing", () => {
  const flags = JSON.parse('{"__proto__": {"polluted": 1}}') as Record<string, unknown>;
  expect(problemsOf("__proto__: {polluted: 1}", { flags })).toEqual([
    "predictd.yaml line 1: __proto__ is not a setting",
    "--__proto__ is not a setting",
  ]);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});

test("the result is deeply frozen and does not share the table's lists", () => {
  const config = load(undefined);
  expect(Object.isFrozen(config)).toBe(true);
  expect(Object.isFrozen(config.executionProviders)).toBe(true);
  expect(() => (config.executionProviders as string[]).push("x")).toThrow(TypeError);
});

test("links that Kubernetes sets for services named predictd are not settings", () => {
  const env = {
    PREDICTD_SERVICE_HOST: "10.0.0.1",
    PREDICTD_SERVICE_PORT: "8001",
    PREDICTD_SERVICE_PORT_GRPC: "8001",
    PREDICTD_PORT: "tcp://10.0.0.1:8001",
    PREDICTD_PORT_8001_TCP: "tcp://10.0.0.1:8001",
    PREDICTD_PORT_8001_TCP_PROTO: "tcp",
    PREDICTD_PORT_8001_TCP_PORT: "8001",
    PREDICTD_PORT_8001_TCP_ADDR: "10.0.0.1",
    PREDICTD_GRPC_PORT: "tcp://10.0.0.1:8001",
    PREDICTD_GRPC_SERVICE_HOST: "10.0.0.1",
    OTHER: "x",
  };
  expect(load(undefined, { env }).grpcPort).toBe(8001);
});
