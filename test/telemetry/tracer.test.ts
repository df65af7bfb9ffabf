// Tracing from the settings to the file or the log.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "@jest/globals";
import { createLogger, type Logger } from "../../src/telemetry/logger.ts";
import { createTrace, type Trace, type TracedRequest } from "../../src/telemetry/trace.ts";
import { createTraceWriter } from "../../src/telemetry/trace-writer.ts";
import { createTracer, type Tracer } from "../../src/telemetry/tracer.ts";

const root = mkdtempSync(join(tmpdir(), "predictd-trace-"));
afterAll(() => rmSync(root, { recursive: true }));

let dir = "";
beforeEach(() => void (dir = mkdtempSync(join(root, "t-"))));

interface Element {
  readonly id: number;
  readonly model_name?: string;
  readonly request_id?: string;
}

function request(requestId: string, model = "digits"): TracedRequest {
  const timings = { routeUs: 1, validateUs: 2, admitUs: 3, queueUs: 40, batchUs: 50, runUs: 600, postprocessUs: 7, totalUs: 710 };
  return { model, version: "1", requestId, startedAtEpochMs: 1_700_000_000_000, timings };
}

function createLog(): { readonly logger: Logger; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
  return { logger: createLogger({ logLevel: "info", logFormat: "json" }, { write }), lines };
}

function pipe(): string {
  const path = join(dir, "pipe");
  execFileSync("mkfifo", [path]);
  return path;
}

function traces(count: number): readonly Trace[] {
  return Array.from({ length: count }, (_, index) => createTrace(index + 1, request(`r${index}`)));
}

/** Request ids of the traces in a file, which must be whole. */
function idsIn(path: string): readonly string[] {
  const elements = JSON.parse(readFileSync(path, "utf8")) as readonly Element[];
  return elements.flatMap((element) => element.request_id ?? []);
}

/** Sends requests of a model the way the server does. */
function send(tracer: Tracer, ids: readonly string[], model = "digits"): void {
  for (const id of ids) if (tracer.sample(model)) tracer.record(request(id, model));
}

describe("settings", () => {
  test("begin with tracing off, for any model", () => {
    const tracer = createTracer({ traceFile: "trace.json", logger: createLog().logger });
    const settings = {
      trace_file: ["trace.json"],
      trace_level: ["OFF"],
      trace_rate: ["1000"],
      trace_count: ["-1"],
      log_frequency: ["0"],
      trace_mode: ["triton"],
    };
    expect([tracer.settings(""), tracer.settings("digits")]).toEqual([settings, settings]);
  });

  test("are changed for the server or a model, cleared with empty lists, and returned", () => {
    const tracer = createTracer({ traceFile: "", logger: createLog().logger });
    tracer.update(
      "",
      new Map([
        ["trace_level", ["TIMESTAMPS"]],
        ["trace_rate", ["2"]],
      ]),
    );
    expect(tracer.update("digits", Object.entries({ trace_rate: ["3"], trace_count: ["7"] }))).toMatchObject({
      trace_level: ["TIMESTAMPS"],
      trace_rate: ["3"],
      trace_count: ["7"],
    });
    expect(tracer.settings("")).toMatchObject({ trace_rate: ["2"], trace_count: ["-1"] });
    expect(tracer.update("digits", [["trace_rate", []]])).toMatchObject({ trace_rate: ["2"], trace_count: ["7"] });
    expect(tracer.update("", [["trace_rate", []]])).toMatchObject({ trace_rate: ["1000"] });
    expect(tracer.update("digits", [])).toMatchObject({ trace_rate: ["1000"] });
  });

  test("are changed all together or not at all", () => {
    const tracer = createTracer({ traceFile: "", logger: createLog().logger });
    const before = tracer.settings("");
    for (const [name, value, reason] of [
      ["trace_rate", "0", "PARAMETER_INVALID"],
      ["trace_file", "x", "SETTING_READ_ONLY"],
      ["trace_level", "TENSORS", "METHOD_OFF"],
    ] as const) {
      const changes: [string, string[]][] = [
        ["trace_count", ["3"]],
        [name, [value]],
      ];
      expect(() => tracer.update("", changes)).toThrow(expect.objectContaining({ reason }));
      expect(() => tracer.update("digits", changes)).toThrow(expect.objectContaining({ reason }));
    }
    expect([tracer.settings(""), tracer.settings("digits")]).toEqual([before, before]);
  });
});

describe("without a file", () => {
  test("each traced request becomes a line of the log", async () => {
    const { logger, lines } = createLog();
    const tracer = createTracer({ traceFile: "", logger });
    tracer.update("", Object.entries({ trace_level: ["TIMESTAMPS"], trace_rate: ["2"] }));
    send(tracer, ["a", "b", "c", "d"]);
    await tracer.close();
    expect(lines).toMatchObject([
      { level: "info", msg: "trace", traceId: 1, requestId: "b", model: "digits", version: "1" },
      { level: "info", msg: "trace", traceId: 2, requestId: "d" },
    ]);
    expect(lines[0]?.["timestamps"]).toContainEqual({ name: "REQUEST_END", ns: 1_700_000_000_000_710_000 });
  });
});

describe("with a file", () => {
  test("traces stand in it as one array, and the log has none", async () => {
    const { logger, lines } = createLog();
    const path = join(dir, "trace.json");
    const tracer = createTracer({ traceFile: path, logger });
    tracer.update("", Object.entries({ trace_level: ["TIMESTAMPS"], trace_rate: ["1"], trace_count: ["300"] }));
    const ids = Array.from({ length: 400 }, (_, index) => `r${index}`);
    send(tracer, ids);
    await tracer.close();
    await tracer.close();
    expect(idsIn(path)).toEqual(ids.slice(0, 300));
    expect(lines).toEqual([]);
    expect(tracer.settings("")).toMatchObject({ trace_count: ["0"] });
  });

  test("nothing traced, no file; one from earlier is left alone", async () => {
    const path = join(dir, "trace.json");
    writeFileSync(path, "earlier");
    const tracer = createTracer({ traceFile: path, logger: createLog().logger });
    send(tracer, ["a"]);
    await tracer.close();
    expect(readFileSync(path, "utf8")).toBe("earlier");
  });

  test("log_frequency begins a numbered file after so many traces", async () => {
    const tracer = createTracer({ traceFile: join(dir, "trace.json"), logger: createLog().logger });
    tracer.update("", Object.entries({ trace_level: ["TIMESTAMPS"], trace_rate: ["1"], log_frequency: ["2"] }));
    send(tracer, ["a", "b", "c", "d", "e"]);
    await tracer.close();
    expect(readdirSync(dir).toSorted()).toEqual(["trace.json.0", "trace.json.1", "trace.json.2"]);
    expect([0, 1, 2].map((n) => idsIn(join(dir, `trace.json.${n}`)))).toEqual([["a", "b"], ["c", "d"], ["e"]]);
  });

  test("a model with a log_frequency of its own has numbered files beside the common one", async () => {
    const path = join(dir, "trace.json");
    const tracer = createTracer({ traceFile: path, logger: createLog().logger });
    tracer.update("", Object.entries({ trace_level: ["TIMESTAMPS"], trace_rate: ["1"] }));
    tracer.update("iris", [["log_frequency", ["1"]]]);
    send(tracer, ["a", "b"]);
    send(tracer, ["c", "d"], "iris");
    send(tracer, ["e"]);
    await tracer.close();
    expect([path, `${path}.0`, `${path}.1`].map(idsIn)).toEqual([["a", "b", "e"], ["c"], ["d"]]);
  });

  test.each([
    ["whose folder is missing", () => join(dir, "missing", "trace.json")],
    ["on a full disk", () => "/dev/full"],
    ["that is a folder", () => dir],
    ["that is a pipe which nobody reads", pipe],
  ])("a file %s is told once, and tracing goes on in the log", async (_, path) => {
    const { logger, lines } = createLog();
    const tracer = createTracer({ traceFile: path(), logger });
    tracer.update("", Object.entries({ trace_level: ["TIMESTAMPS"], trace_rate: ["1"] }));
    send(tracer, ["a", "b"]);
    await tracer.close();
    send(tracer, ["c"]);
    expect(lines.map(({ level, msg, requestId }) => [level, msg, requestId])).toEqual([
      ["warn", "the trace file cannot be written; traces go to the log", undefined],
      ["info", "trace", "a"],
      ["info", "trace", "b"],
      ["info", "trace", "c"],
    ]);
  });

  test("after the end traces go to the log", async () => {
    const { logger, lines } = createLog();
    const path = join(dir, "trace.json");
    const tracer = createTracer({ traceFile: path, logger });
    tracer.record(request("a"));
    await tracer.close();
    tracer.record(request("b"));
    expect(idsIn(path)).toEqual(["a"]);
    expect(lines).toMatchObject([{ msg: "trace", requestId: "b" }]);
  });
});

describe("bounds", () => {
  test("10000 traces may wait for the disk; more are dropped, and that is told", async () => {
    const { logger, lines } = createLog();
    const path = join(dir, "trace.json");
    const back: Trace[] = [];
    const writer = createTraceWriter({ path, logger, giveBack: (trace) => void back.push(trace) });
    // All at once: the disk has no time to take one.
    for (const trace of traces(10_007)) writer.write(trace, 0);
    await writer.close();
    expect(idsIn(path)).toHaveLength(10_000);
    expect(back).toEqual([]);
    expect(lines).toMatchObject([{ level: "warn" }, { level: "warn", dropped: 7, msg: "traces were dropped" }]);
  });

  test("files stop at their limit together, whole, and the rest is given back", async () => {
    const { logger, lines } = createLog();
    const path = join(dir, "trace.json");
    const back: Trace[] = [];
    const writer = createTraceWriter({ path, logger, giveBack: (trace) => void back.push(trace), maxTotalBytes: 20_000 });
    const all = traces(10);
    for (const trace of all) writer.write(trace, 1);
    await writer.close();
    const files = readdirSync(dir);
    // Each of the small files counts as one block of the disk.
    expect(files).toHaveLength(5);
    const written = files.toSorted().flatMap((name) => idsIn(join(dir, name)));
    expect([...written, ...back.map(({ requestId }) => requestId)]).toEqual(all.map(({ requestId }) => requestId));
    expect(lines).toMatchObject([{ level: "warn", err: { message: expect.stringContaining("20000 bytes") } }]);
  });
});
