// inference.ModelInferRequest, by hand.

import { ServiceError } from "../../../errors.ts";
import { quoteName } from "../../../predict/quote-name.ts";
import { NO_CLASSES } from "../../../predict/request.ts";
import type { PredictRequest } from "../../../predict/request.ts";
import { elementCount } from "../../../tensor/tensor.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import { CONTENTS, readContents } from "./infer-contents.ts";
import { readDatatype } from "./infer-datatype.ts";
import type { InferParameter } from "./infer-parameter-codec.ts";
import { readParameter } from "./infer-parameter-codec.ts";
import { NO_REQUEST_PARAMETERS, toClassCount, toRequestParameters, whyTensorInvalid } from "./infer-parameters.ts";
import { DecodeError, Reader } from "./reader.ts";
import { readDim, readPackedDims } from "./shape.ts";

/** Most inputs, outputs asked for and raw contents, as in `predictd.v1`. */
const MAX_TENSORS = 1024;

/**
 * The typed contents of a request may become this many bytes, or as many as its message has. A number of one byte may stand for eight:
 * without a limit a message could take eight times the memory it was let in with.
 */
const MAX_TYPED_BYTES = 64 * 1024 * 1024;

/** A decoded ModelInferRequest. */
export interface InferRequest {
  readonly request: PredictRequest;
  /** `triton_enable_empty_final_response`: whether a stream should end the answer with an empty message. */
  readonly wantsEmptyFinal: boolean;
}

/** A tensor whose data is still to come. */
type OpenTensor = { -readonly [K in keyof Tensor]: Tensor[K] };

/** What has been read of a request so far. */
interface Draft {
  readonly inputs: OpenTensor[];
  /** Bytes that typed contents may still become. */
  typedBytesLeft: number;
  readonly outputs: string[];
  /** Aligned with `outputs`; undefined while no classes have been asked for. */
  classCounts: number[] | undefined;
  /** What is wrong with the parameters of a tensor. */
  problem: ServiceError | undefined;
}

/** Stands for the data of an input until it comes. Compared by identity: data may be empty too. */
const NO_DATA = Buffer.alloc(0);

/** Stands for the data of an input in shared memory. */
const IN_REGION = Buffer.alloc(0);

/**
 * Reads a ModelInferRequest. What is wrong with a message that can be read is left in `problem` of the request or of a tensor, for
 * validation to refuse with. @throws DecodeError.
 */
export function decodeInferRequest(buffer: Buffer, start = 0, end = buffer.length): InferRequest {
  const reader = new Reader(buffer, start, end);
  let model = "";
  let version = "";
  let requestId = "";
  let parameters: Map<string, InferParameter> | undefined;
  const typedBytesLeft = Math.max(MAX_TYPED_BYTES, end - start);
  const draft: Draft = { inputs: [], typedBytesLeft, outputs: [], classCounts: undefined, problem: undefined };
  const raw: Buffer[] = [];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x0a) model = reader.string();
    else if (tag === 0x12) version = reader.string();
    else if (tag === 0x1a) requestId = reader.string();
    else if (tag === 0x22) parameters = readParameter(reader, parameters);
    else if (tag === 0x2a) readInput(reader, draft);
    else if (tag === 0x32) readOutput(reader, draft);
    else if (tag === 0x3a) {
      if (raw.length === MAX_TENSORS) throw new DecodeError(`It has more than ${MAX_TENSORS} raw contents.`);
      raw.push(reader.bytes());
    } else reader.skip(tag);
  }
  const { inputs, outputs, classCounts = NO_CLASSES } = draft;
  const surplus = assignRaw(inputs, raw);
  const asked = parameters === undefined ? NO_REQUEST_PARAMETERS : toRequestParameters(parameters);
  const problem = asked.problem ?? draft.problem ?? surplus;
  const { priority, queueTimeoutMs, wantsEmptyFinal } = asked;
  return { request: { model, version, requestId, inputs, outputs, classCounts, priority, queueTimeoutMs, problem }, wantsEmptyFinal };
}

function readInput(reader: Reader, draft: Draft): void {
  if (draft.inputs.length === MAX_TENSORS) throw new DecodeError(`It has more than ${MAX_TENSORS} inputs.`);
  const outerEnd = reader.end;
  const end = reader.length() + reader.at;
  const start = reader.at;
  reader.end = end;
  let name = "";
  let dtype: Tensor["dtype"];
  const shape: number[] = [];
  let parameters: Map<string, InferParameter> | undefined;
  let hasContents = false;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x0a) name = reader.string();
    else if (tag === 0x12) dtype = readDatatype(reader);
    else if (tag === 0x1a) readPackedDims(reader, shape);
    else if (tag === 0x18) readDim(reader, shape);
    else if (tag === 0x22) parameters = readParameter(reader, parameters);
    else {
      if (tag === CONTENTS) hasContents = true;
      reader.skip(tag);
    }
  }
  reader.end = outerEnd;
  const input: OpenTensor = { name, dtype, shape, bytes: NO_DATA, problem: undefined };
  if (hasContents) takeContents(input, reader.buffer, start, end, draft);
  if (parameters !== undefined) {
    draft.problem ??= whyTensorInvalid(parameters, `inputs[${quoteName(name)}]`, false);
    if (parameters.has("shared_memory_region")) input.bytes = IN_REGION;
  }
  draft.inputs.push(input);
}

function takeContents(input: OpenTensor, buffer: Buffer, start: number, end: number, draft: Draft): void {
  // Of an unknown data type validation says so, whatever its contents are.
  if (input.dtype === undefined) return;
  const contents = readContents(buffer, start, end, input.dtype, draft.typedBytesLeft);
  if (contents === undefined) return;
  input.bytes = contents.bytes;
  input.problem = contents.problem;
  draft.typedBytesLeft -= contents.bytes.byteLength;
}

function readOutput(reader: Reader, draft: Draft): void {
  const { outputs } = draft;
  const position = outputs.length;
  if (position === MAX_TENSORS) throw new DecodeError(`It asks for more than ${MAX_TENSORS} outputs.`);
  const outerEnd = reader.end;
  reader.end = reader.length() + reader.at;
  let name = "";
  let parameters: Map<string, InferParameter> | undefined;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x0a) name = reader.string();
    else if (tag === 0x12) parameters = readParameter(reader, parameters);
    else reader.skip(tag);
  }
  reader.end = outerEnd;
  outputs.push(name);
  if (parameters !== undefined) {
    draft.problem ??= whyTensorInvalid(parameters, `outputs[${position}]`, true);
    if (toClassCount(parameters) > 0) draft.classCounts ??= Array.from<number>({ length: position }).fill(0);
  }
  draft.classCounts?.push(parameters === undefined ? 0 : toClassCount(parameters));
}

/** Gives each input that has no data yet the next raw entry. @returns what is wrong when there are more entries than such inputs. */
function assignRaw(inputs: readonly OpenTensor[], raw: readonly Buffer[]): ServiceError | undefined {
  let next = 0;
  let mixed = false;
  for (const input of inputs) {
    if (input.bytes === NO_DATA) {
      const entry = raw[next++];
      if (entry === undefined) refuseWithoutData(input);
      else input.bytes = entry;
    } else if (raw.length > 0 && input.bytes !== IN_REGION) {
      mixed = true;
      const text = "has typed contents in a request with raw contents; use one of them for all inputs";
      input.problem = { reason: "INPUT_VALUE_INVALID", field: "contents", text };
    }
  }
  // With both kinds in one request the inputs say what is wrong, and better.
  if (mixed || raw.length <= next) return undefined;
  const text = `The request has ${raw.length} raw contents for ${next} inputs.`;
  return new ServiceError("INPUT_SIZE_MISMATCH", text, {
    violations: [{ field: "raw_input_contents", description: text }],
    metadata: { stage: "validate" },
  });
}

function refuseWithoutData(input: OpenTensor): void {
  if (elementCount(input.shape) === 0) return;
  const text = `has no data: unable to find data for input tensor ${quoteName(input.name)}`;
  input.problem = { reason: "INPUT_SIZE_MISMATCH", field: "contents", text };
}
