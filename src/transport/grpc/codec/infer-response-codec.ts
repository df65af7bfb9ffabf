// inference.ModelInferResponse and ModelStreamInferResponse, by hand.

import type { PredictResponse } from "../../../predict/request.ts";
import { hotCounters } from "../../../telemetry/instruments.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import { toDatatype } from "./infer-datatype.ts";
import { encodeShape, shapeSize } from "./shape.ts";
import { textFieldSize, textSize, varintSize } from "./writer.ts";
import type { Writer } from "./writer.ts";

const PARAMETERS = 0x22;
const FINAL_RESPONSE = "triton_final_response";
const STAGE = "error_stage";
const PREDICTED = "error_predicted";
const RETRY_AFTER = "error_retry_after_ms";

/** Bytes that `encodeInferResponse` will write. @param final value of `triton_final_response`; undefined for no such parameter. */
export function inferResponseSize({ model, version, requestId, outputs }: PredictResponse, final?: boolean): number {
  let size = headSize(model, version, requestId) + (final === undefined ? 0 : 2 + boolEntryLength(FINAL_RESPONSE));
  for (const output of outputs) {
    const length = outputSize(output);
    const { byteLength } = output.bytes;
    size += 1 + varintSize(length) + length + 1 + varintSize(byteLength) + byteLength;
  }
  return size;
}

/** Writes a ModelInferResponse. */
export function encodeInferResponse(writer: Writer, { model, version, requestId, outputs }: PredictResponse, final?: boolean): void {
  encodeHead(writer, model, version, requestId);
  if (final !== undefined) encodeBool(writer, FINAL_RESPONSE, final);
  for (const output of outputs) encodeOutput(writer, output);
  // One entry for each output, also where it has no bytes: clients count them.
  for (const { bytes } of outputs) {
    writer.lengthPrefix(0x32, bytes.byteLength);
    writer.raw(bytes);
    hotCounters.responseBytesCopied += bytes.byteLength;
  }
}

/** Bytes that `encodeInferStreamResponse` will write. */
export function inferStreamResponseSize(response: PredictResponse, final: boolean): number {
  const length = inferResponseSize(response, final);
  return 1 + varintSize(length) + length;
}

/** Writes a ModelStreamInferResponse that holds an answer. @param final whether it is the last one of its request. */
export function encodeInferStreamResponse(writer: Writer, response: PredictResponse, final: boolean): void {
  writer.lengthPrefix(0x12, inferResponseSize(response, final));
  encodeInferResponse(writer, response, final);
}

/** Why one request of a stream was not answered. */
export interface InferStreamError {
  readonly model: string;
  /** As the caller gave it. */
  readonly version: string;
  /** Id of the request. */
  readonly id: string;
  /** For people; never empty, as clients take an empty one for success. */
  readonly message: string;
  /** Canonical status code by its gRPC name. */
  readonly code: string;
  /** Reason from the catalogue. */
  readonly reason: string;
  /** Stage in which a deadline passed or a request was refused; undefined where none is told. */
  readonly stage: string | undefined;
  /** Whether it was refused because it was predicted to miss its deadline. */
  readonly isPredicted: boolean;
  /** When to try again, in milliseconds; undefined where that is not advised. */
  readonly retryAfterMs: number | undefined;
}

/** Bytes that `encodeInferStreamError` will write. */
export function inferStreamErrorSize(error: InferStreamError): number {
  const length = refusalSize(error);
  return textFieldSize(textSize(error.message)) + 1 + varintSize(length) + length;
}

/** Writes a ModelStreamInferResponse that holds an error: the text, and beside it who it is for and what kind it is. */
export function encodeInferStreamError(writer: Writer, error: InferStreamError): void {
  writer.textField(0x0a, error.message, textSize(error.message));
  writer.lengthPrefix(0x12, refusalSize(error));
  encodeHead(writer, error.model, error.version, error.id);
  encodeText(writer, "error_code", error.code);
  encodeText(writer, "error_reason", error.reason);
  if (error.stage !== undefined) encodeText(writer, STAGE, error.stage);
  if (error.isPredicted) encodeBool(writer, PREDICTED, true);
  if (error.retryAfterMs !== undefined) encodeInt(writer, RETRY_AFTER, Math.ceil(error.retryAfterMs));
  encodeBool(writer, FINAL_RESPONSE, true);
}

function refusalSize({ model, version, id, code, reason, stage, isPredicted, retryAfterMs }: InferStreamError): number {
  let size = headSize(model, version, id) + textEntrySize("error_code", code) + textEntrySize("error_reason", reason);
  if (stage !== undefined) size += textEntrySize(STAGE, stage);
  if (isPredicted) size += 2 + boolEntryLength(PREDICTED);
  if (retryAfterMs !== undefined) size += 2 + intEntryLength(RETRY_AFTER, Math.ceil(retryAfterMs));
  return size + 2 + boolEntryLength(FINAL_RESPONSE);
}

function headSize(model: string, version: string, id: string): number {
  return textFieldSize(textSize(model)) + textFieldSize(textSize(version)) + textFieldSize(textSize(id));
}

function encodeHead(writer: Writer, model: string, version: string, id: string): void {
  writer.textField(0x0a, model, textSize(model));
  writer.textField(0x12, version, textSize(version));
  writer.textField(0x1a, id, textSize(id));
}

/** Bytes of an entry of `parameters` with a bool, without its tag and length. */
function boolEntryLength(key: string): number {
  return 2 + key.length + 4;
}

function encodeBool(writer: Writer, key: string, value: boolean): void {
  writer.lengthPrefix(PARAMETERS, boolEntryLength(key));
  writer.textField(0x0a, key, key.length);
  writer.lengthPrefix(0x12, 2);
  // Written for false too: a value of a oneof says which member it is.
  writer.lengthPrefix(0x08, value ? 1 : 0);
}

/** Bytes of an entry of `parameters` with an integer, without its tag and length. */
function intEntryLength(key: string, value: number): number {
  return 2 + key.length + 3 + varintSize(value);
}

/** @param value a safe integer, 0 or more. */
function encodeInt(writer: Writer, key: string, value: number): void {
  writer.lengthPrefix(PARAMETERS, intEntryLength(key, value));
  writer.textField(0x0a, key, key.length);
  writer.lengthPrefix(0x12, 1 + varintSize(value));
  writer.lengthPrefix(0x10, value);
}

/** Bytes of an entry of `parameters` with a text. */
function textEntrySize(key: string, text: string): number {
  const length = textEntryLength(key, text);
  return 1 + varintSize(length) + length;
}

function textEntryLength(key: string, text: string): number {
  return 2 + key.length + 2 + textFieldSize(text.length);
}

/** @param text ASCII of at most 63 characters, as codes and reasons are. */
function encodeText(writer: Writer, key: string, text: string): void {
  writer.lengthPrefix(PARAMETERS, textEntryLength(key, text));
  writer.textField(0x0a, key, key.length);
  writer.lengthPrefix(0x12, textFieldSize(text.length));
  writer.textField(0x1a, text, text.length);
}

function outputSize({ name, dtype, shape }: Tensor): number {
  return textFieldSize(textSize(name)) + textFieldSize(toDatatype(dtype!).length) + textFieldSize(shapeSize(shape));
}

function encodeOutput(writer: Writer, output: Tensor): void {
  const { name, shape } = output;
  const datatype = toDatatype(output.dtype!);
  writer.lengthPrefix(0x2a, outputSize(output));
  writer.textField(0x0a, name, textSize(name));
  writer.textField(0x12, datatype, datatype.length);
  encodeShape(writer, 0x1a, shape);
}
