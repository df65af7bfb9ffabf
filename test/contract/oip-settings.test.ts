// TraceSetting and LogSettings: shown, changed and taken back over the wire, and what they change.

import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { finished } from "node:stream/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { LogSettingsResponse } from "../../generated/inference/grpc_service.ts";
import { serve } from "../../src/cli/serve/serve.ts";
import { createClients } from "../support/clients.ts";
import { double } from "../support/models.ts";
import type { TestServer } from "../support/server.ts";
import { startServer } from "../support/server.ts";
import type { OipClient, OipRequest } from "./oip-service.ts";
import { connectOip } from "./oip-service.ts";

let server: TestServer;
let oip: OipClient;
beforeAll(async () => {
  server = await startServer({ models: { "double.onnx": double(), "corrupt.onnx": "not a model" } });
  oip = connectOip(server.address);
});
afterAll(async () => {
  oip?.close();
  await server?.stop();
});

type TraceValues = Readonly<Record<string, string[]>>;
type LogValues = LogSettingsResponse["settings"];

const bool = (value: boolean): LogValues[string] => ({ parameterChoice: { $case: "boolParam", value } });
const uint = (value: number): LogValues[string] => ({ parameterChoice: { $case: "uint32Param", value } });
const text = (value: string): LogValues[string] => ({ parameterChoice: { $case: "stringParam", value } });

function traceRequest(values: TraceValues, modelName = ""): OipRequest<"traceSetting"> {
  return { settings: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }])), modelName };
}

async function setTrace(values: TraceValues, modelName = ""): Promise<TraceValues> {
  const { settings } = await oip.ask("traceSetting", traceRequest(values, modelName));
  return Object.fromEntries(Object.entries(settings).map(([name, { value }]) => [name, value]));
}

async function setLog(settings: LogValues): Promise<LogValues> {
  return (await oip.ask("logSettings", { settings })).settings;
}

describe("TraceSetting", () => {
  const defaults = {
    trace_file: [""],
    trace_level: ["OFF"],
    trace_rate: ["1000"],
    trace_count: ["-1"],
    log_frequency: ["0"],
    trace_mode: ["triton"],
  };

  test("shows, changes, and takes changes back, for the server and for one model", async () => {
    expect(await setTrace({})).toEqual(defaults);
    expect(await setTrace({ trace_rate: ["500"], trace_level: ["TIMESTAMPS"] })).toEqual({
      ...defaults,
      trace_rate: ["500"],
      trace_level: ["TIMESTAMPS"],
    });
    expect(await setTrace({ trace_rate: ["1"] }, "double")).toMatchObject({ trace_rate: ["1"], trace_level: ["TIMESTAMPS"] });
    expect(await setTrace({})).toMatchObject({ trace_rate: ["500"] });
    expect(await setTrace({ trace_rate: [] }, "double")).toMatchObject({ trace_rate: ["500"] });
    expect(await setTrace({ trace_rate: [], trace_level: ["OFF"] })).toEqual(defaults);
  });

  test("a model that failed to load has settings too", async () => {
    expect(await setTrace({}, "corrupt")).toEqual(defaults);
  });

  const refused: readonly (readonly [what: string, values: TraceValues, model: string, code: string, reason: string])[] = [
    ["an unknown model", {}, "nobody", "NOT_FOUND", "MODEL_NOT_FOUND"],
    ["an unknown setting", { trace_colour: ["red"] }, "", "INVALID_ARGUMENT", "PARAMETER_INVALID"],
    ["an unknown level", { trace_level: ["LOUD"] }, "", "INVALID_ARGUMENT", "PARAMETER_INVALID"],
    ["no number", { trace_rate: ["often"] }, "double", "INVALID_ARGUMENT", "PARAMETER_INVALID"],
    ["two numbers", { trace_rate: ["1", "2"] }, "", "INVALID_ARGUMENT", "PARAMETER_INVALID"],
    ["the file", { trace_file: ["trace.json"] }, "", "UNIMPLEMENTED", "SETTING_READ_ONLY"],
    ["tensors", { trace_level: ["TENSORS"] }, "", "UNIMPLEMENTED", "METHOD_OFF"],
    ["a good and a bad one", { trace_rate: ["7"], trace_mode: ["opentelemetry"] }, "", "UNIMPLEMENTED", "SETTING_READ_ONLY"],
  ];
  test.each(refused)("%s is refused, and nothing changes", async (_what, values, model, code, reason) => {
    expect(await oip.refusal("traceSetting", traceRequest(values, model))).toMatchObject({ code, reason });
    expect(await setTrace({})).toEqual(defaults);
  });
});

describe("LogSettings", () => {
  const defaults = {
    log_file: text(""),
    log_info: bool(true),
    log_warning: bool(true),
    log_error: bool(true),
    log_verbose_level: uint(0),
    log_format: text("default"),
  };

  test("shows, changes and changes back", async () => {
    expect(await setLog({})).toEqual(defaults);
    const changes = { log_info: bool(false), log_verbose_level: uint(2), log_format: text("ISO8601") };
    expect(await setLog(changes)).toEqual({ ...defaults, ...changes });
    expect(await setLog({ log_info: bool(true), log_verbose_level: uint(0), log_format: text("default") })).toEqual(defaults);
  });

  const refused: readonly (readonly [what: string, values: LogValues, code: string, reason: string])[] = [
    ["the file", { log_file: text("log.txt") }, "UNIMPLEMENTED", "SETTING_READ_ONLY"],
    ["an unknown setting", { log_errors: bool(true) }, "INVALID_ARGUMENT", "PARAMETER_INVALID"],
    ["a number for a switch", { log_info: uint(1) }, "INVALID_ARGUMENT", "PARAMETER_INVALID"],
    ["a switch for a number", { log_verbose_level: bool(true) }, "INVALID_ARGUMENT", "PARAMETER_INVALID"],
    ["a format that does not exist", { log_format: text("xml") }, "INVALID_ARGUMENT", "PARAMETER_INVALID"],
    ["no value", { log_info: { parameterChoice: undefined } }, "INVALID_ARGUMENT", "PARAMETER_INVALID"],
    ["a good and a bad one", { log_info: bool(false), log_warning: text("") }, "INVALID_ARGUMENT", "PARAMETER_INVALID"],
  ];
  test.each(refused)("%s is refused, and nothing changes", async (_what, settings, code, reason) => {
    expect(await oip.refusal("logSettings", { settings })).toMatchObject({ code, reason });
    expect(await setLog({})).toEqual(defaults);
  });
});

test("the log of `serve` follows both from the next call on", async () => {
  const stop = new AbortController();
  const log = new PassThrough({ encoding: "utf8" });
  const terminal = {
    stdout: new PassThrough().resume(),
    stderr: Object.assign(log, { isTTY: true }),
    env: {},
    cwd: server.modelDir,
    signal: stop.signal,
  };
  const served = serve({ dir: server.modelDir, logFormat: "json", logSampleRatio: "0", grpcPort: "0" }, terminal);
  const lines: Readonly<Record<string, unknown>>[] = [];
  const address = new Promise<string>((resolve) => {
    createInterface({ input: log }).on("line", (line) => {
      // The bar and the cursor's moves may stand before it.
      const [json] = /\{"level":.*\}/.exec(line) ?? [];
      if (json === undefined) return;
      const fields = JSON.parse(json) as Readonly<Record<string, unknown>>;
      lines.push(fields);
      if (fields["msg"] === "listening") resolve(String(fields["grpcAddress"]));
    });
  });
  const client = connectOip(await address);
  const health = createClients(await address);
  const x = { name: "X", datatype: "FP32", shape: [1n, 1n], parameters: {}, contents: undefined };
  const infer = (id: string) => client.ask("modelInfer", { modelName: "double", id, inputs: [x], rawInputContents: [new Uint8Array(4)] });
  try {
    await health.waitForServing();
    await client.ask("logSettings", { settings: { log_info: bool(false) } });
    await client.refusal("modelInfer", { modelName: "unseen" });
    await client.ask("logSettings", { settings: { log_info: bool(true) } });
    await client.refusal("modelInfer", { modelName: "seen" });
    await infer("not traced");
    await client.ask("traceSetting", traceRequest({ trace_level: ["TIMESTAMPS"], trace_rate: ["1"], trace_count: ["1"] }));
    await infer("traced");
    await infer("one too many");
  } finally {
    health.close();
    client.close();
    stop.abort();
    await served;
  }
  log.end();
  await finished(log);
  expect(lines.filter(({ msg }) => msg === "call").map(({ model }) => model)).toEqual(["seen"]);
  expect(lines.filter(({ msg }) => msg === "trace")).toMatchObject([{ model: "double", requestId: "traced" }]);
});
