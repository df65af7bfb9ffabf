// What serve prints: the table of models and the command to try.

import { PassThrough } from "node:stream";
import { describe, expect, test } from "@jest/globals";
import { createLoadProgress } from "../../src/cli/serve/load-progress.ts";
import { renderServed } from "../../src/cli/serve/served-table.ts";
import { tryLine } from "../../src/cli/serve/try-line.ts";
import type { ModelState, ModelView, VersionView } from "../../src/registry/view.ts";
import type { Signature, TensorSpec } from "../../src/tensor/signature.ts";
import { spec } from "./support/specs.ts";

const none = { images: new Map<string, string>(), tables: new Map<string, string>() };

const NO_STATISTICS: VersionView["statistics"] = {
  okCount: 0,
  errorCount: 0,
  failCount: 0,
  rowCount: 0,
  batchCount: 0,
  queuedRows: 0,
  lastRequestAt: 0,
  batches: [],
  totalMs: 0,
  failMs: 0,
  queueMs: 0,
  batchMs: 0,
  runMs: 0,
  postprocessMs: 0,
};

function model(name: string, inputs: readonly TensorSpec[], states: readonly ModelState[] = ["ready"]): ModelView {
  const signature: Signature = { inputs, outputs: [] };
  const versions = states.map((state, i): VersionView => ({
    version: String(states.length - i),
    state,
    reason: state === "failed" ? "not an ONNX file" : "",
    signature,
    batching: {
      enabled: true,
      maxBatchSize: 32,
      maxQueueDelayMs: 0,
      maxQueueRows: 64,
      maxQueueBytes: 1_048_576,
      admission: "strict",
      gate: "auto",
      allowedBatchSizes: [],
      preferredBatchSizes: [],
      preserveOrdering: false,
      paddedLengths: [],
      maxBatchTokens: 0,
      source: "model.yaml",
    },
    execution: { kind: "thread", instances: 1, intraOpThreads: 1, provider: "cpu", providerNotes: [], deviceIds: [] },
    warmup: [],
    decoupled: false,
    statistics: NO_STATISTICS,
  }));
  const defaultVersion = versions.find(({ state }) => state === "ready")?.version ?? "";
  return { name, description: "", problem: "", required: false, defaultVersion, versions };
}

const text = model("toxicity", [spec("text", "STRING", [-1])]);
const image = model("digits", [spec("image", "FP32", [-1, 1, 8, 8])], ["ready", "ready"]);
const table = model("fraud", [spec("features", "FP32", [-1, 20], { columns: ["a", "b"] })]);
const pair = model("simple", [spec("INPUT0", "INT32", [-1, 2]), spec("INPUT1", "INT32", [-1, 2])]);
const large = model("large", [spec("x", "FP32", [-1, 1000])]);

describe("the command to try", () => {
  test.each([
    ["a text model first", [image, text], none, '--model toxicity --text "You are wonderful"'],
    [
      "then a picture that lies beside its model",
      [table, image],
      { ...none, images: new Map([["digits", "models/digits/three.png"]]) },
      "--model digits --image models/digits/three.png",
    ],
    ["then a table", [table, large], { ...none, tables: new Map([["fraud", "my models/t.csv"]]) }, "--model fraud --csv 'my models/t.csv'"],
    ["then zeros", [image, pair], none, `--model simple --json '{"INPUT0":[[0,0]],"INPUT1":[[0,0]]}'`],
  ])("%s", (_, models, samples, command) => {
    expect(tryLine(models, "127.0.0.1:8001", samples)).toBe(`npx predictd predict ${command}`);
  });

  test("names the address where it is not the usual one", () => {
    expect(tryLine([text], "127.0.0.1:9", none)).toBe(
      'npx predictd predict --address 127.0.0.1:9 --model toxicity --text "You are wonderful"',
    );
  });

  test("shows the model where nothing short can be sent, and nothing where no model is ready", () => {
    expect(tryLine([large], "127.0.0.1:8001", none)).toBe("npx predictd models large");
    expect(tryLine([model("broken", [], ["failed"])], "127.0.0.1:8001", none)).toBeUndefined();
  });
});

test("the table has a row for each model, then the reasons of failed ones", () => {
  const models = [model("broken", [], ["failed"]), image, { ...model("odd", [], []), problem: "model.yaml: bad" }];
  expect(renderServed(models, "0.0.0.0:8001", none, { stdout: new PassThrough(), env: {} })).toBe(
    [
      "model   versions          provider  batching       grpc",
      "broken  1 failed          -         -              127.0.0.1:8001",
      "digits  2 ready, 1 ready  cpu       up to 32 rows  127.0.0.1:8001",
      "odd     none              -         -              127.0.0.1:8001",
      "",
      "broken 1: not an ONNX file",
      "odd: model.yaml: bad",
      "",
      "try: npx predictd models digits",
      "",
    ].join("\n"),
  );
});

test("without a terminal each version is told once, when it has settled", () => {
  const stdout = new PassThrough();
  const progress = createLoadProgress({ stdout, stderr: new PassThrough() });
  progress.update(model("digits", [], ["loading", "ready"]));
  progress.update(model("digits", [], ["failed", "ready"]));
  progress.update(model("digits", [], ["failed", "ready"]));
  progress.stop();
  progress.update(text);
  expect(String(stdout.read())).toBe("ready   digits 1\nfailed  digits 2: not an ONNX file\n");
});
