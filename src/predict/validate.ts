// Checks a request against a signature, so that nothing the model cannot take ever reaches a batch.

import type { Config } from "../config/config.ts";
import type { EngineRequest, RequestLength } from "../engine/engine.ts";
import type { Reason } from "../errors.ts";
import { ServiceError } from "../errors.ts";
import { ELEMENT_BYTES } from "../tensor/dtype.ts";
import { bucketOf } from "../tensor/length-buckets.ts";
import type { PaddingPlan } from "../tensor/padding.ts";
import { paddedShapeKeyOf, shapeKeyOf } from "../tensor/padding.ts";
import type { Signature, TensorSpec } from "../tensor/signature.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { elementCount } from "../tensor/tensor.ts";
import { withMasks } from "./masks.ts";
import { quoteName } from "./quote-name.ts";
import type { PredictRequest } from "./request.ts";
import { whyStringsInvalid } from "./validate-strings.ts";

/** How large a request may be. */
export type ValidateLimits = Pick<Config, "maxRequestRows" | "maxStringElements">;

/** Longest id that a caller may give a request. */
const MAX_REQUEST_ID_BYTES = 128;

/**
 * Checks one request.
 * @param isCut whether it will be run in chunks that are checked themselves, so that no limit of one run holds for all its rows.
 * @throws ServiceError INPUT_…, OUTPUT_… or ROWS_EMPTY, naming the field.
 */
export type Validate = (request: PredictRequest, isCut?: boolean) => EngineRequest;

/** What the check has to know of a version besides its signature. */
export interface ValidateRules {
  /** Whether the first dimension of every input counts rows. */
  readonly batched: boolean;
  /** Most rows of one run where requests cannot be run in parts; Infinity where they can. */
  readonly maxRows: number;
  /** Whether STRING elements have to be UTF-8 without NUL. */
  readonly textOnly: boolean;
  /** How requests of different lengths share runs; undefined where they do not. */
  readonly padding?: PaddingPlan | undefined;
}

/** Makes the check of one version. */
export function createValidate(signature: Signature, rules: ValidateRules, limits: ValidateLimits): Validate {
  const { batched, maxRows, textOnly, padding } = rules;
  const checks = { batched, textOnly, maxRequestRows: limits.maxRequestRows, maxStringElements: limits.maxStringElements };
  const allOutputs = signature.outputs.map((_, index) => index);
  const symbols = symbolsToCompare(signature, batched);
  const hasFreeDims = signature.inputs.some(({ dims }) => dims.some(({ size }, i) => size === -1 && !(batched && i === 0)));
  const takesSingles = signature.inputs.some(({ dims }) => dims.length === Number(batched));
  const hasMasks = padding?.inputs.some((input) => input?.isMask) === true;
  return (request, isCut = false) => {
    if (request.problem !== undefined) throw request.problem;
    if (request.requestId.length > MAX_REQUEST_ID_BYTES / 4) checkRequestId(request.requestId);
    const given = hasMasks ? withMasks(signature.inputs, padding, request.inputs) : request.inputs;
    const arranged = arrange(signature.inputs, given);
    const inputs = takesSingles ? arranged.map((input, i) => asSingle(signature.inputs[i]!, input, batched)) : arranged;
    let rows = 1;
    for (let i = 0; i < inputs.length; i++) {
      const input = inputs[i]!;
      checkTensor(signature.inputs[i]!, input, checks);
      if (!batched) continue;
      if (i === 0) rows = input.shape[0]!;
      else if (input.shape[0] !== rows) {
        fail("INPUT_SHAPE_MISMATCH", input.name, "shape[0]", `has ${input.shape[0]} rows, but ${quoteName(inputs[0]!.name)} has ${rows}`);
      }
    }
    if (rows > maxRows && !isCut) {
      fail("INPUT_SHAPE_MISMATCH", inputs[0]!.name, "shape[0]", `has ${rows} rows; inference request batch-size must be <= ${maxRows}`);
    }
    if (symbols.length > 0) checkSymbols(symbols, inputs);
    const outputs = request.outputs.length === 0 ? allOutputs : chooseOutputs(signature.outputs, request.outputs);
    const { priority, queueTimeoutMs } = request;
    if (padding === undefined) {
      return { inputs, rows, shapeKey: batched && hasFreeDims ? shapeKeyOf(inputs) : "", padding, outputs, priority, queueTimeoutMs };
    }
    const { length, paddedLength } = lengthOf(inputs, padding);
    const shapeKey = paddedShapeKeyOf(inputs, padding, paddedLength);
    return { inputs, rows, shapeKey, padding: { length, paddedLength }, outputs, priority, queueTimeoutMs };
  };
}

/**
 * Many protocols know no shape for one value but [1]: where a row, or the whole input, is a single value, one more dimension of 1 is taken
 * for none.
 */
function asSingle({ dims }: TensorSpec, tensor: Tensor, batched: boolean): Tensor {
  const { shape } = tensor;
  if (dims.length !== Number(batched) || shape.length !== dims.length + 1 || shape.at(-1) !== 1) return tensor;
  return { ...tensor, shape: shape.slice(0, -1) };
}

function checkRequestId(requestId: string): void {
  if (Buffer.byteLength(requestId, "utf8") <= MAX_REQUEST_ID_BYTES) return;
  const text = `The request id is longer than ${MAX_REQUEST_ID_BYTES} bytes.`;
  throw new ServiceError("FIELD_INVALID", text, {
    violations: [{ field: "request_id", description: text }],
    metadata: { stage: "validate" },
  });
}

function fail(reason: Reason, input: string, part: string, problem: string): never {
  const name = quoteName(input);
  const field = `inputs[${name}]${part === "" ? "" : `.${part}`}`;
  throw new ServiceError(reason, `Input ${name} ${problem}.`, {
    violations: [{ field, description: `Input ${name} ${problem}.` }],
    metadata: { stage: "validate", input: input.slice(0, 256) },
  });
}

/** The request's tensors in the order of the signature. */
function arrange(specs: readonly TensorSpec[], tensors: readonly Tensor[]): readonly Tensor[] {
  if (tensors.length === 1 && specs.length === 1 && tensors[0]!.name === specs[0]!.name) return tensors;
  const byName = new Map<string, Tensor>();
  for (const tensor of tensors) {
    if (byName.has(tensor.name)) fail("INPUT_DUPLICATE", tensor.name, "", "is given more than once");
    byName.set(tensor.name, tensor);
  }
  const arranged = specs.map(({ name }) => {
    const tensor = byName.get(name);
    if (tensor !== undefined) {
      byName.delete(name);
      return tensor;
    }
    const unknown = tensors.find((candidate) => !specs.some((spec) => spec.name === candidate.name));
    if (unknown !== undefined) failUnknown(unknown.name, specs);
    return fail("INPUT_MISSING", name, "", "is missing");
  });
  for (const name of byName.keys()) failUnknown(name, specs);
  return arranged;
}

function failUnknown(name: string, specs: readonly TensorSpec[]): never {
  const known = specs.slice(0, 16).map((spec) => quoteName(spec.name));
  return fail("INPUT_UNKNOWN", name, "", `is unknown; the model takes ${known.join(", ")}${specs.length > 16 ? " and more" : ""}`);
}

interface Checks extends ValidateLimits {
  readonly batched: boolean;
  readonly textOnly: boolean;
}

function checkTensor(spec: TensorSpec, tensor: Tensor, { batched, textOnly, maxRequestRows, maxStringElements }: Checks): void {
  const { name, dtype, shape, bytes, problem } = tensor;
  if (dtype !== spec.dtype) {
    fail("INPUT_TYPE_MISMATCH", name, "data_type", `is ${dtype ?? "of no known data type"}; the model takes ${spec.dtype}`);
  }
  if (problem !== undefined) fail(problem.reason, name, problem.field, problem.text);
  if (shape.length !== spec.dims.length) {
    fail("INPUT_SHAPE_MISMATCH", name, "shape", `has ${shape.length} dimensions; the model takes ${spec.dims.length}, ${showDims(spec)}`);
  }
  for (let i = 0; i < shape.length; i++) {
    const { size } = spec.dims[i]!;
    if (size === -1 ? shape[i]! >= 0 : shape[i] === size) continue;
    const allowed = size === -1 ? "0 or more" : `${size}, as in ${showDims(spec)}`;
    fail("INPUT_SHAPE_MISMATCH", name, `shape[${i}]`, `has length ${shape[i]} in dimension ${i}; it must be ${allowed}`);
  }
  const count = elementCount(shape);
  if (count < 0) fail("INPUT_SHAPE_MISMATCH", name, "shape", "has more elements than a message can hold");
  if (batched && shape[0] === 0) {
    throw new ServiceError("ROWS_EMPTY", `Input ${quoteName(name)} has no rows.`, {
      violations: [{ field: `inputs[${quoteName(name)}].shape[0]`, description: "At least one row is needed." }],
      metadata: { stage: "validate" },
    });
  }
  if (spec.dtype === "STRING") {
    if (batched && shape[0]! > maxRequestRows) tooLarge(name, `has ${shape[0]} rows`, "maxRequestRows", maxRequestRows);
    if (count > maxStringElements) tooLarge(name, `has ${count} elements`, "maxStringElements", maxStringElements);
    const why = whyStringsInvalid(bytes, count, textOnly);
    if (why !== undefined) fail(why.reason, name, "strings", why.problem);
    return;
  }
  const expected = count * ELEMENT_BYTES[spec.dtype];
  if (bytes.byteLength !== expected) {
    fail(
      "INPUT_SIZE_MISMATCH",
      name,
      "raw",
      `has ${bytes.byteLength} bytes; shape [${shape.join(", ")}] of ${spec.dtype} takes ${expected}`,
    );
  }
  // Rows without elements cost the caller nothing, but each is work for us.
  if (batched && shape[0]! > maxRequestRows) tooLarge(name, `has ${shape[0]} rows`, "maxRequestRows", maxRequestRows);
  if (spec.dtype === "BOOL") checkBooleans(name, bytes);
}

function tooLarge(input: string, problem: string, setting: keyof ValidateLimits, limit: number): never {
  const name = quoteName(input);
  const text = `Input ${name} ${problem}; ${limit} are allowed (setting ${setting}).`;
  throw new ServiceError("INPUT_TOO_LARGE", text, {
    violations: [{ field: `inputs[${name}].shape`, description: text }],
    metadata: { stage: "validate", [setting]: String(limit) },
    quota: { subject: setting, description: `One request may have ${limit}.` },
  });
}

function checkBooleans(name: string, bytes: Uint8Array): void {
  for (let i = 0; i < bytes.byteLength; i++) {
    if (bytes[i]! > 1) fail("INPUT_VALUE_INVALID", name, "raw", `holds ${bytes[i]} at element ${i}; a BOOL is 0 or 1`);
  }
}

function showDims({ dims }: TensorSpec): string {
  return `[${dims.map(({ size, symbol }) => (size === -1 ? symbol || "?" : String(size))).join(", ")}]`;
}

/** Dimensions of different inputs, or of one input, that must be equal because they carry the same symbol. */
interface SharedSymbol {
  readonly symbol: string;
  readonly places: readonly { readonly input: number; readonly dim: number }[];
}

function symbolsToCompare({ inputs }: Signature, batched: boolean): readonly SharedSymbol[] {
  const places = new Map<string, { input: number; dim: number }[]>();
  for (const [input, { dims }] of inputs.entries()) {
    for (const [dim, { symbol }] of dims.entries()) {
      if (symbol === "" || (batched && dim === 0)) continue;
      places.set(symbol, [...(places.get(symbol) ?? []), { input, dim }]);
    }
  }
  return [...places].filter(([, list]) => list.length > 1).map(([symbol, list]) => ({ symbol, places: list }));
}

function checkSymbols(symbols: readonly SharedSymbol[], inputs: readonly Tensor[]): void {
  for (const { symbol, places } of symbols) {
    const first = inputs[places[0]!.input]!.shape[places[0]!.dim]!;
    for (const { input, dim } of places) {
      const length = inputs[input]!.shape[dim]!;
      if (length === first) continue;
      fail(
        "INPUT_SHAPE_MISMATCH",
        inputs[input]!.name,
        `shape[${dim}]`,
        `has length ${length} for ${quoteName(symbol)}, which is ${first} elsewhere`,
      );
    }
  }
}

/** The length of a request, which is that of all its padded inputs, and the one it is padded to. */
function lengthOf(inputs: readonly Tensor[], { inputs: padded, lengthInput, buckets }: PaddingPlan): RequestLength {
  const { name, shape } = inputs[lengthInput]!;
  const at = padded[lengthInput]!.dimension;
  const length = shape[at]!;
  // A mean over no positions is NaN, which nobody asked for.
  if (length === 0) {
    fail("INPUT_SHAPE_MISMATCH", name, `shape[${at}]`, `has length 0 in dimension ${at}; an input that is padded has at least 1`);
  }
  for (let i = 0; i < inputs.length; i++) {
    const dimension = padded[i]?.dimension;
    if (dimension === undefined) continue;
    const input = inputs[i]!;
    const own = input.shape[dimension]!;
    if (own === length) continue;
    fail("INPUT_SHAPE_MISMATCH", input.name, `shape[${dimension}]`, `has length ${own}, but ${quoteName(name)} has ${length}`);
  }
  const paddedLength = bucketOf(buckets, length);
  if (paddedLength !== undefined) return { length, paddedLength };
  const most = `${buckets.at(-1)} are allowed (padding.maxLength of the model)`;
  return fail("INPUT_SHAPE_MISMATCH", name, `shape[${at}]`, `has length ${length} in dimension ${at}; at most ${most}`);
}

function chooseOutputs(specs: readonly TensorSpec[], names: readonly string[]): readonly number[] {
  const chosen: number[] = [];
  for (const [position, name] of names.entries()) {
    const index = specs.findIndex((spec) => spec.name === name);
    if (index === -1) failOutput("OUTPUT_UNKNOWN", name, position, `is unknown; the model gives ${listNames(specs)}`);
    if (chosen.includes(index)) failOutput("OUTPUT_DUPLICATE", name, position, "is requested more than once");
    chosen.push(index);
  }
  return chosen;
}

function listNames(specs: readonly TensorSpec[]): string {
  return `${specs
    .slice(0, 16)
    .map((spec) => quoteName(spec.name))
    .join(", ")}${specs.length > 16 ? " and more" : ""}`;
}

function failOutput(reason: Reason, name: string, position: number, problem: string): never {
  const text = `Output ${quoteName(name)} ${problem}.`;
  throw new ServiceError(reason, text, {
    violations: [{ field: `outputs[${position}]`, description: text }],
    metadata: { stage: "validate", output: name.slice(0, 256) },
  });
}
