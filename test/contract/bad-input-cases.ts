// Every way in which a request can be wrong after it was decoded, and what each is answered with.

import type { PredictRequest } from "../../generated/predictd/v1/prediction.ts";
import type { Tensor } from "../../generated/predictd/v1/tensor.ts";
import type { Reason } from "../../src/errors.ts";
import { request } from "../support/clients.ts";
import { OIP_WAYS } from "../support/ways.ts";
import type { Way } from "../support/ways.ts";
import { double, gather, identity, sumAndDifference } from "../support/models.ts";
import { fp32, int64, raw, text } from "../support/wire-tensors.ts";

/** The folder that the cases are about. */
export const MODELS: Readonly<Record<string, Uint8Array>> = {
  // A [N, 4], B [N, 4] -> SUM, DIFFERENCE.
  "sum/3/model.onnx": sumAndDifference(["N", 4]),
  // A [N, W], B [N, W].
  "wide.onnx": sumAndDifference(["N", "W"]),
  "double.onnx": double(),
  "gather.onnx": gather(),
  "words.onnx": identity("string", ["N", 2]),
  "corrupt.onnx": Buffer.from("not a model"),
};

/** One row of the table. */
export interface BadInput {
  readonly what: string;
  readonly request: PredictRequest;
  readonly reason: Reason;
  /** Field of the first violation; undefined where the reason has none. */
  readonly field?: string;
  /** Ways for which the case has no meaning. */
  readonly not?: readonly Way[];
}

const four = [1, 2, 3, 4];
const a = fp32("A", [1, 4], four);
const b = fp32("B", [1, 4], four);
const bytesOf = (count: number) => new Uint8Array(count);
const sum = (inputs: readonly Tensor[], more: Partial<PredictRequest> = {}) => request("sum", inputs, more);
const wide = (...inputs: readonly Tensor[]) => request("wide", inputs);
const words = (tensor: Tensor) => request("words", [tensor]);

/** A good request for the same folder. */
export const GOOD: PredictRequest = sum([a, b]);

const unknownModels: readonly BadInput[] = [
  "nobody",
  "",
  "../sum",
  "sum/3",
  "/etc/passwd",
  "%2e%2e/sum",
  "sum\0",
  "__proto__",
  "constructor",
  "m".repeat(5000),
].map((name) => ({
  what: `a model called ${JSON.stringify(name.slice(0, 20))}`,
  request: request(name, [a, b]),
  reason: "MODEL_NOT_FOUND",
}));
const unknownVersions: readonly BadInput[] = ["4", "latest", "-3", "3.0", "../3", "v".repeat(5000)].map((version) => ({
  what: `version ${JSON.stringify(version.slice(0, 20))}`,
  request: sum([a, b], { version }),
  reason: "VERSION_NOT_FOUND",
}));
const impossibleShapes: readonly BadInput[] = (
  [
    ["a negative dimension", [-1n, 4n], "[0]"],
    ["two negative dimensions, product positive", [-2n, -2n], "[0]"],
    ["a product beyond 2^53", [2n ** 31n, 2n ** 31n]],
    ["a product that wraps to 0 in 64 bits", [2n ** 32n, 2n ** 32n]],
    ["a product that wraps to 4 in 64 bits", [5n, 3689348814741910324n]],
    ["a dimension of 2^53", [2n ** 53n, 1n]],
    ["a dimension of 2^53 + 1", [2n ** 53n + 1n, 1n]],
    ["a dimension of 2^63 - 1", [2n ** 63n - 1n, 1n]],
    ["a dimension of -2^63", [1n, -(2n ** 63n)], "[1]"],
  ] as const
).map(([what, shape, at = ""]) => ({
  what: `a shape with ${what}`,
  request: request("double", [raw("X", "FP32", shape, bytesOf(16))]),
  reason: "INPUT_SHAPE_MISMATCH",
  field: `inputs["X"].shape${at}`,
}));

/** The table. */
export const BAD_INPUTS: readonly BadInput[] = [
  ...unknownModels,
  ...unknownVersions,
  { what: "a model that could not be loaded", request: request("corrupt", [a]), reason: "MODEL_NOT_READY" },
  { what: "no inputs", request: sum([]), reason: "INPUT_MISSING", field: 'inputs["A"]', not: ["PredictUpload"] },
  { what: "a missing input", request: sum([a]), reason: "INPUT_MISSING", field: 'inputs["B"]' },
  { what: "an unknown input", request: sum([a, b, fp32("C", [1], [1])]), reason: "INPUT_UNKNOWN", field: 'inputs["C"]' },
  {
    what: "an input called __proto__",
    request: sum([a, b, fp32("__proto__", [1], [1])]),
    reason: "INPUT_UNKNOWN",
    field: 'inputs["__proto__"]',
  },
  { what: "an input without a name", request: sum([a, fp32("", [1], [1]), b]), reason: "INPUT_UNKNOWN", field: 'inputs[""]' },
  { what: "a duplicate input", request: sum([a, a, b]), reason: "INPUT_DUPLICATE", field: 'inputs["A"]' },
  {
    what: "an input's name of 1,025 bytes",
    request: sum([fp32("n".repeat(1025), [1], [1]), a, b]),
    reason: "INPUT_UNKNOWN",
    field: `inputs["${"n".repeat(64)}…"]`,
  },
  { what: "a request id of 129 bytes", request: sum([a, b], { requestId: "i".repeat(129) }), reason: "FIELD_INVALID", field: "request_id" },
  {
    what: "another type of the same size",
    request: sum([raw("A", "INT32", [1, 4], bytesOf(16)), b]),
    reason: "INPUT_TYPE_MISMATCH",
    field: 'inputs["A"].data_type',
  },
  { what: "no type", request: sum([{ ...a, dataType: 0 }, b]), reason: "INPUT_TYPE_MISMATCH", field: 'inputs["A"].data_type' },
  {
    what: "a type from the future",
    request: sum([{ ...a, dataType: 99 as 0 }, b]),
    reason: "INPUT_TYPE_MISMATCH",
    field: 'inputs["A"].data_type',
  },
  {
    what: "text for a number",
    request: sum([text("A", [1, 4], ["1", "2", "3", "4"]), b]),
    reason: "INPUT_TYPE_MISMATCH",
    field: 'inputs["A"].data_type',
  },
  { what: "a rank too low", request: sum([fp32("A", [4], four), b]), reason: "INPUT_SHAPE_MISMATCH", field: 'inputs["A"].shape' },
  { what: "a rank too high", request: sum([fp32("A", [1, 2, 2], four), b]), reason: "INPUT_SHAPE_MISMATCH", field: 'inputs["A"].shape' },
  { what: "a scalar", request: sum([fp32("A", [], [1]), b]), reason: "INPUT_SHAPE_MISMATCH", field: 'inputs["A"].shape' },
  {
    what: "a wrong fixed dimension",
    request: sum([fp32("A", [1, 5], [1, 2, 3, 4, 5]), b]),
    reason: "INPUT_SHAPE_MISMATCH",
    field: 'inputs["A"].shape[1]',
  },
  {
    what: "rows that differ between inputs",
    request: sum([a, fp32("B", [2, 4], [...four, ...four])]),
    reason: "INPUT_SHAPE_MISMATCH",
    field: 'inputs["B"].shape[0]',
  },
  {
    what: "a symbol with two lengths",
    request: wide(fp32("A", [1, 3], [1, 2, 3]), fp32("B", [1, 2], [1, 2])),
    reason: "INPUT_SHAPE_MISMATCH",
    field: 'inputs["B"].shape[1]',
  },
  ...impossibleShapes,
  { what: "zero rows", request: sum([fp32("A", [0, 4], []), fp32("B", [0, 4], [])]), reason: "ROWS_EMPTY", field: 'inputs["A"].shape[0]' },
  {
    what: "a byte too few",
    request: sum([raw("A", "FP32", [1, 4], bytesOf(15)), b]),
    reason: "INPUT_SIZE_MISMATCH",
    field: 'inputs["A"].raw',
  },
  {
    what: "a byte too many",
    request: sum([raw("A", "FP32", [1, 4], bytesOf(17)), b]),
    reason: "INPUT_SIZE_MISMATCH",
    field: 'inputs["A"].raw',
  },
  { what: "no data", request: sum([raw("A", "FP32", [1, 4], bytesOf(0)), b]), reason: "INPUT_SIZE_MISMATCH", field: 'inputs["A"].raw' },
  {
    what: "a huge shape without its data",
    request: request("double", [raw("X", "FP32", [2 ** 20, 2 ** 20], bytesOf(4))]),
    reason: "INPUT_SIZE_MISMATCH",
    field: 'inputs["X"].raw',
    not: ["PredictUpload"],
  },
  {
    what: "numbers with strings beside them",
    request: sum([{ ...a, strings: ["1"] }, b]),
    reason: "INPUT_VALUE_INVALID",
    field: 'inputs["A"].strings',
    not: OIP_WAYS,
  },
  {
    what: "text as raw bytes",
    request: words({ ...text("X", [1, 2], []), raw: bytesOf(8) }),
    reason: "INPUT_VALUE_INVALID",
    field: 'inputs["X"].raw',
    not: ["PredictUpload", ...OIP_WAYS],
  },
  {
    what: "a text too few",
    request: words(text("X", [1, 2], ["one"])),
    reason: "INPUT_SIZE_MISMATCH",
    field: 'inputs["X"].strings',
    not: ["PredictUpload"],
  },
  {
    what: "a text too many",
    request: words(text("X", [1, 2], ["one", "two", "three"])),
    reason: "INPUT_SIZE_MISMATCH",
    field: 'inputs["X"].strings',
    not: ["PredictUpload"],
  },
  {
    what: "text with a NUL",
    request: words(text("X", [1, 2], ["one", "t\0wo"])),
    reason: "INPUT_VALUE_INVALID",
    field: 'inputs["X"].strings',
    not: ["PredictUpload"],
  },
  { what: "an unknown output", request: sum([a, b], { outputs: ["SUM", "PRODUCT"] }), reason: "OUTPUT_UNKNOWN", field: "outputs[1]" },
  {
    what: "an output called constructor",
    request: sum([a, b], { outputs: ["constructor"] }),
    reason: "OUTPUT_UNKNOWN",
    field: "outputs[0]",
  },
  { what: "a duplicate output", request: sum([a, b], { outputs: ["SUM", "SUM"] }), reason: "OUTPUT_DUPLICATE", field: "outputs[1]" },
  {
    what: "a value that the model itself rejects",
    request: request("gather", [int64("INDEX", [1], [10])]),
    reason: "MODEL_REJECTED_INPUT",
  },
];
