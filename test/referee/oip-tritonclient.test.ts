// Triton's Python client for gRPC, unchanged and without options: its documented flow and everything else it can ask.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { expectedOutputs } from "./support/oip.ts";
import { runTool } from "./support/run-tool.ts";
import { ROOT, startServer, type RunningServer } from "./support/server.ts";
import { describeWith, findTool } from "./support/tools.ts";

const UNKNOWN = { status: "NOT_FOUND", message: "Request for unknown model: 'nobody' is not found" };

/** Runs one program of the folder `tritonclient` and gives back what it printed. */
async function run(program: string, ...args: string[]): Promise<ReturnType<typeof JSON.parse>> {
  const words = [join(ROOT, "test/referee/tritonclient", program), ...args];
  const { code, stdout, stderr } = await runTool(findTool("python-triton")!, words);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout);
}

/** A tensor of the client's results; the shape is that of `values` in rows of 16. */
function tensor(name: string, values: readonly number[]): object {
  return { name, datatype: "INT32", shape: [values.length / 16, 16], values };
}

/** The whole answer of `simple`. */
function answer(first: number, rows: number, id = ""): object {
  const { OUTPUT0, OUTPUT1 } = expectedOutputs(first, rows);
  return { model: "simple", version: "1", id, outputs: [tensor("OUTPUT0", OUTPUT0), tensor("OUTPUT1", OUTPUT1)] };
}

/** A tensor of `simple` in its metadata, and in its configuration. */
const metadata = (name: string): object => ({ name, datatype: "INT32", shape: ["-1", "16"] });
const configured = (name: string): object => ({ name, data_type: "TYPE_INT32", dims: ["16"] });

const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));

describeWith(["python-triton"], "tritonclient", () => {
  describe("with a server as it starts by itself", () => {
    let server: RunningServer;
    beforeAll(async () => {
      server = await startServer();
    }, 60_000);
    afterAll(() => server?.stop(), 60_000);

    test("goes through the documented flow", async () => {
      const result = await run("flow.py", server.address);
      expect(result).toMatchObject({ serverLive: true, serverReady: true, modelReady: true, versionReady: true });
      expect(result.unknownReady).toEqual([false, false]);

      expect(result.server).toMatchObject({ name: "predictd", version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
      const { extensions } = result.server;
      expect(extensions).toEqual(
        expect.arrayContaining([
          "classification",
          "schedule_policy",
          "model_configuration",
          "binary_tensor_data",
          "parameters",
          "statistics",
          "trace",
          "logging",
        ]),
      );
      expect(extensions).not.toContain("system_shared_memory");
      expect(extensions).not.toContain("cuda_shared_memory");

      expect(result.model).toEqual({
        name: "simple",
        versions: ["1"],
        platform: "onnxruntime_onnx",
        inputs: [metadata("INPUT0"), metadata("INPUT1")],
        outputs: [metadata("OUTPUT0"), metadata("OUTPUT1")],
      });
      expect(result.config).toMatchObject({
        name: "simple",
        platform: "onnxruntime_onnx",
        backend: "onnxruntime",
        max_batch_size: 8,
        input: [configured("INPUT0"), configured("INPUT1")],
        output: [configured("OUTPUT0"), configured("OUTPUT1")],
        dynamic_batching: expect.anything(),
      });

      expect(result.infer).toEqual(answer(0, 3, "first"));
      expect(result.allStatistics).toEqual(expect.arrayContaining(["simple", "fraud", "digits", "toxicity"]));
      expectOneMore(result.before, result.after, 3);
    });

    test("infers with every option", async () => {
      const result = await run("inference.py", server.address);
      const plain = answer(0, 1);
      const { OUTPUT0, OUTPUT1 } = expectedOutputs(0, 1);
      expect(result.turned.outputs).toEqual([tensor("OUTPUT1", OUTPUT1), tensor("OUTPUT0", OUTPUT0)]);
      expect(result.one.outputs).toEqual([tensor("OUTPUT1", OUTPUT1)]);
      expect(result.gzip).toEqual(answer(0, 8));
      expect(result.deflate).toEqual(answer(0, 8));
      // More rows than a batch may have are run in parts.
      expect(result.large).toEqual(answer(0, 20));
      for (const option of ["version", "priority", "timeout", "sequence", "namedSequence", "parameters", "headers"]) {
        expect({ option, result: result[option] }).toEqual({ option, result: plain });
      }
    });

    test("gets the best classes of an output, with labels where the model has them", async () => {
      const { classes, probabilities, labels } = await run("inference.py", server.address);
      const [best, whole] = classes.outputs;
      expect(best).toMatchObject({ name: "OUTPUT0", datatype: "BYTES", shape: [1, 3] });
      expect(best.values.map(classOf)).toEqual([
        { value: 16, index: 15 },
        { value: 15, index: 14 },
        { value: 14, index: 13 },
      ]);
      expect(whole).toEqual(tensor("OUTPUT1", expectedOutputs(0, 1).OUTPUT1));

      const [{ shape, values }] = labels.outputs;
      expect(shape).toEqual([2, 2]);
      const row: number[] = probabilities.outputs[0].values.slice(0, 10);
      const order = row.map((_, index) => index).toSorted((a, b) => row[b]! - row[a]!);
      for (const place of [0, 1]) {
        const found = classOf(values[place]);
        expect(found).toMatchObject({ index: order[place], label: String(order[place]) });
        expect(found.value).toBeCloseTo(row[order[place]!]!, 5);
      }
    });

    test("sees each refusal with its status and a text that names the cause", async () => {
      const result = await run("refusals.py", server.address);
      for (const call of ["unknownModel", "metadata", "config", "statistics"]) {
        expect({ call, refusal: result[call] }).toEqual({ call, refusal: UNKNOWN });
      }
      expect(result.unknownVersion).toMatchObject({ status: "NOT_FOUND", message: expect.stringContaining("17") });
      const named: Record<string, string> = { shape: "INPUT0", rank: "INPUT0", rows: "INPUT", datatype: "INPUT0", missing: "INPUT1" };
      Object.assign(named, { surplus: "INPUT2", twice: "INPUT0", output: "OUTPUT2" });
      for (const [call, name] of Object.entries(named)) {
        const refusal = { status: "INVALID_ARGUMENT", message: expect.stringContaining(name) };
        expect({ call, refusal: result[call] }).toMatchObject({ call, refusal });
      }
      expect(result.clientTimeout).toMatchObject({ status: "DEADLINE_EXCEEDED" });
      for (const call of ["index", "load", "unload"]) {
        expect(result[call]).toMatchObject({ status: "UNIMPLEMENTED", message: expect.stringContaining("modelControl") });
      }
      expect(result.region).toMatchObject({ status: "NOT_FOUND", message: expect.stringContaining("region") });
      expect(result.register).toMatchObject({ status: "UNIMPLEMENTED" });
      expect(result.regions).toEqual({});
      expect(result.cudaRegions).toEqual({});
      expect(result.afterwards).toEqual(answer(0, 1));
    });

    test("infers by callbacks and by asyncio", async () => {
      const { callbacks, coroutines } = await run("asynchronous.py", server.address);
      expect(callbacks.first).toEqual(Object.fromEntries(ids(50).map((id) => [id, Number(id) + 1])));
      expect(callbacks.errors).toEqual([UNKNOWN]);
      expect(callbacks.cancelled).toBe("CANCELLED");
      expect(coroutines).toMatchObject({ live: true, ready: true, modelReady: true, platform: "onnxruntime_onnx" });
      expect(coroutines.infer).toEqual(ids(50).map((id) => [id, Number(id) + 1]));
      const streamed = ids(50).map((id) => (id === "3" ? expect.objectContaining({ message: UNKNOWN.message }) : id));
      expect(coroutines.stream).toEqual(streamed);
    });

    test("streams", async () => {
      const result = await run("stream.py", server.address);
      const many = {
        errors: [],
        ids: ids(200),
        first: ids(200).map((id) => Number(id) + 1),
        rows: ids(200).map((id) => 1 + (Number(id) % 3)),
        final: Array(200).fill(true),
      };
      expect(result.many).toEqual(many);
      // The final response of a model that answers once is never empty.
      expect(result.emptyFinal).toEqual(many);
      expect(result.inBandError).toEqual(["simple", { status: "", message: UNKNOWN.message }, "simple"]);
      expect(result.strictError).toEqual(["before", UNKNOWN]);
      expect(result.cancelled).toEqual({ first: "0", errors: ["CANCELLED"], afterwards: true });
      expect(result.timedOut).toEqual({ first: "in time", error: "DEADLINE_EXCEEDED" });
      expect(result.afterwards).toBe("1");
    });

    test("sends and gets texts", async () => {
      const { model, column, three, odd, one } = await run("strings.py", server.address);
      expect(model.inputs).toEqual([{ name: "text", datatype: "BYTES", shape: ["-1", "1"] }]);
      expect(model.outputs).toEqual([
        { name: "label", datatype: "BYTES", shape: ["-1"] },
        { name: "score", datatype: "FP32", shape: ["-1"] },
      ]);
      expect(column).toEqual(three);
      expect(three.outputs[0]).toEqual({ name: "label", datatype: "BYTES", shape: [3], values: ["toxic", "ok", "ok"] });
      expect(three.outputs[1].values[0]).toBeCloseTo(0.9148, 3);
      expect(odd.outputs[0].shape).toEqual([3]);
      expect(one.outputs).toEqual([{ name: "label", datatype: "BYTES", shape: [1], values: ["toxic"] }]);
    });

    test("reads and changes the settings of traces and logs", async () => {
      const { trace, log } = await run("settings.py", server.address);
      expect(trace.start).toMatchObject({ trace_level: ["OFF"], trace_rate: ["1000"], trace_count: ["-1"], log_frequency: ["0"] });
      expect(trace.global).toMatchObject({ trace_level: ["TIMESTAMPS"], trace_rate: ["500"] });
      expect(trace.model).toMatchObject({ trace_level: ["TIMESTAMPS"], trace_rate: ["50"] });
      expect(trace.modelRead).toEqual(trace.model);
      expect(trace.globalRead).toEqual(trace.global);
      expect(trace.modelCleared).toMatchObject({ trace_rate: ["500"] });
      expect(trace.globalCleared).toEqual(trace.start);
      expect(trace.file).toMatchObject({ status: "UNIMPLEMENTED", message: expect.stringContaining("trace_file") });
      expect(trace.level).toMatchObject({ status: "INVALID_ARGUMENT", message: expect.stringContaining("LOUD") });
      expect(trace.unknownKey).toMatchObject({ status: "INVALID_ARGUMENT", message: expect.stringContaining("trace_colour") });
      expect(trace.unknownModel).toEqual(UNKNOWN);

      expect(log.start).toMatchObject({ log_info: true, log_warning: true, log_error: true, log_verbose_level: 0, log_format: "default" });
      expect(log.changed).toEqual({ ...log.start, log_verbose_level: 2, log_info: false, log_format: "ISO8601" });
      expect(log.read).toEqual(log.changed);
      expect(log.back).toEqual(log.start);
      expect(log.file).toMatchObject({ status: "UNIMPLEMENTED", message: expect.stringContaining("log_file") });
      expect(log.unknownKey).toMatchObject({ status: "INVALID_ARGUMENT", message: expect.stringContaining("log_colour") });
    });
  });

  describe("with explicit model control", () => {
    let server: RunningServer;
    beforeAll(async () => {
      server = await startServer({ args: ["--model-control", "explicit", "--load-models", "simple"] });
    }, 60_000);
    afterAll(() => server?.stop(), 60_000);

    test("loads, overrides and unloads models", async () => {
      const result = await run("repository.py", server.address, join(ROOT, "models/simple/1/model.onnx"));
      expect(result.start.index).toMatchObject({ "simple/1": "READY" });
      expect(result.start.ready).toEqual([true, false]);
      expect(result.start.refusal).toMatchObject({ status: "UNAVAILABLE", message: expect.stringContaining("fraud") });
      expect(result.start.server).toEqual(expect.arrayContaining(["model_repository"]));

      expect(result.loaded).toMatchObject({
        index: { "simple/1": "READY", "fraud/1": "READY" },
        ready: true,
        platform: "onnxruntime_onnx",
      });
      expect(result.override).toEqual({ maxBatchSize: 4, infer: answer(0, 2) });
      expect(result.reloaded).toEqual({ maxBatchSize: 8 });
      expect(result.files).toEqual({ maxBatchSize: 2, infer: answer(0, 1) });

      expect(result.refusals).toMatchObject({
        unknown: { status: "NOT_FOUND", message: expect.stringContaining("nobody") },
        escape: { status: "INVALID_ARGUMENT" },
        filesOnly: { status: "INVALID_ARGUMENT", message: expect.stringContaining("config") },
        badConfig: { status: "INVALID_ARGUMENT" },
        stillThere: "1",
      });
      expect(existsSync(join(ROOT, "models/escaped.onnx"))).toBe(false);

      expect(result.unloaded).toMatchObject({
        index: { "simple/1": "UNAVAILABLE", "fraud/1": "UNAVAILABLE" },
        ready: [false, true],
        refusal: { status: "UNAVAILABLE", message: expect.stringContaining("simple") },
      });
      expect(result.back).toEqual(answer(0, 1));
    }, 60_000);
  });
});

/** Numbers of a StatisticDuration; the client leaves zeros out. */
interface Duration {
  readonly count?: string;
  readonly ns?: string;
}

/** Numbers of one version of a model. */
interface Statistics {
  readonly inference_count?: string;
  readonly execution_count?: string;
  readonly last_inference?: string;
  readonly inference_stats?: Readonly<Record<string, Duration>>;
  readonly batch_stats?: readonly { readonly batch_size: string; readonly compute_infer: Duration }[];
}

/** Between the two, one request of so many rows was answered, in one run of its own. */
function expectOneMore(before: Statistics, after: Statistics, rows: number): void {
  const grown = (read: (statistics: Statistics) => string | undefined): number => Number(read(after) ?? 0) - Number(read(before) ?? 0);
  const count = (name: string): number => grown((statistics) => statistics.inference_stats?.[name]?.count);
  const ns = (name: string): number => grown((statistics) => statistics.inference_stats?.[name]?.ns);
  const batches = (statistics: Statistics): Duration | undefined =>
    statistics.batch_stats?.find(({ batch_size }) => batch_size === String(rows))?.compute_infer;

  expect(grown(({ inference_count }) => inference_count)).toBe(rows);
  expect(grown(({ execution_count }) => execution_count)).toBe(1);
  expect(grown((statistics) => batches(statistics)?.count)).toBe(1);
  expect(Number(after.last_inference)).toBeGreaterThan(0);
  const stages = ["queue", "compute_input", "compute_infer", "compute_output"];
  for (const name of ["success", ...stages]) expect({ name, count: count(name) }).toEqual({ name, count: 1 });
  expect(count("fail")).toBe(0);
  expect(ns("compute_infer")).toBeGreaterThan(0);
  expect(stages.reduce((sum, name) => sum + ns(name), 0)).toBeLessThanOrEqual(ns("success"));
}

/** Parts of a classification, `value:index` or `value:index:label`. */
function classOf(text: string): { readonly value: number; readonly index: number; readonly label?: string } {
  const [value, index, label] = text.split(":");
  return { value: Number(value), index: Number(index), ...(label === undefined ? {} : { label }) };
}
