// Writes the ghz scenarios beside it from the recorded inputs of the bundled models: `node bench/ghz/make.ts`.
import { readFileSync, writeFileSync } from "node:fs";

/** What ghz reads of a recorded model case. */
interface RecordedTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: readonly (number | string)[];
}

/** A tensor in protobuf JSON. */
interface JsonTensor {
  readonly name: string;
  readonly dataType: string;
  readonly shape: readonly number[];
  readonly raw?: string;
  readonly strings?: readonly string[];
}

const encoders: Readonly<Record<string, (data: readonly number[]) => ArrayBuffer>> = {
  INT32: (data) => new Int32Array(data).buffer,
  FP32: (data) => new Float32Array(data).buffer,
};

function recordedInputs(model: string, version: string): Record<string, RecordedTensor> {
  const file = new URL(`../../test/fixtures/models/${model}-${version}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")).cases[0].inputs;
}

/** Repeats the recorded elements until there are `rows` rows. */
function toJson(name: string, tensor: RecordedTensor, rows: number): JsonTensor {
  const perRow = tensor.data.length / tensor.shape[0]!;
  const data = Array.from({ length: rows * perRow }, (_, i) => tensor.data[i % tensor.data.length]!);
  const head = { name, dataType: `DATA_TYPE_${tensor.dtype}`, shape: [rows, ...tensor.shape.slice(1)] };
  if (tensor.dtype === "STRING") return { ...head, strings: data.map(String) };
  const encode = encoders[tensor.dtype];
  if (encode === undefined) throw new Error(`no encoder for ${tensor.dtype}`);
  return { ...head, raw: Buffer.from(encode(data.map(Number))).toString("base64") };
}

function predictRequest(model: string, version: string, rows: number): object {
  return { model, version, inputs: Object.entries(recordedInputs(model, version)).map(([name, tensor]) => toJson(name, tensor, rows)) };
}

function scenario(name: string, method: string, concurrency: number, connections: number, data: unknown): void {
  const config = {
    name,
    call: `predictd.v1.PredictionService.${method}`,
    host: "127.0.0.1:8001",
    insecure: true,
    concurrency,
    connections,
    duration: "10s",
    "duration-stop": "wait",
    timeout: "10s",
    // The messages never change: ghz then encodes them once.
    "disable-template-data": true,
    "disable-template-functions": true,
    data,
  };
  writeFileSync(new URL(`${name}.json`, import.meta.url), `${JSON.stringify(config, null, 2)}\n`);
}

scenario("simple-unary", "Predict", 64, 4, predictRequest("simple", "1", 1));
scenario("fraud-unary", "Predict", 64, 4, predictRequest("fraud", "1", 1));
scenario("digits-batch", "Predict", 16, 4, predictRequest("digits", "2", 32));
scenario("toxicity-unary", "Predict", 32, 4, predictRequest("toxicity", "1", 1));
scenario("fraud-stream", "PredictStream", 8, 2, { request: predictRequest("fraud", "1", 256), chunkRows: 32 });
scenario(
  "fraud-session",
  "PredictSession",
  8,
  2,
  Array.from({ length: 64 }, (_, i) => ({ predict: { id: String(i + 1), request: predictRequest("fraud", "1", 1) } })),
);
