// The streaming messages of predictd.v1, by hand.

import type { PredictRequest, PredictResponse } from "../../../predict/request.ts";
import { decodePredictRequest, encodePredictResponse, predictResponseSize } from "./predict-codec.ts";
import { Reader } from "./reader.ts";
import { textFieldSize, textSize, uintFieldSize, varintSize } from "./writer.ts";
import type { Writer } from "./writer.ts";

/** Reads a field that holds a PredictRequest. */
function requestField(reader: Reader): PredictRequest {
  const end = reader.length() + reader.at;
  const request = decodePredictRequest(reader.buffer, reader.at, end);
  reader.at = end;
  return request;
}

/** One request whose rows are answered in chunks. */
export interface PredictStreamRequest {
  readonly request: PredictRequest | undefined;
  readonly chunkRows: number;
}

/** Reads a PredictStreamRequest. @throws DecodeError. */
export function decodePredictStreamRequest(buffer: Buffer): PredictStreamRequest {
  const reader = new Reader(buffer);
  let request: PredictRequest | undefined;
  let chunkRows = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x0a) request = requestField(reader);
    else if (tag === 0x10) chunkRows = reader.uint32();
    else reader.skip(tag);
  }
  return { request, chunkRows };
}

/** One chunk of results. */
export interface PredictStreamResponse {
  readonly response: PredictResponse;
  readonly firstRow: number;
  readonly rowsDone: number;
  readonly rowsTotal: number;
}

/** Bytes that `encodePredictStreamResponse` will write. */
export function predictStreamResponseSize({ response, firstRow, rowsDone, rowsTotal }: PredictStreamResponse): number {
  const length = predictResponseSize(response);
  return 1 + varintSize(length) + length + uintFieldSize(firstRow) + uintFieldSize(rowsDone) + uintFieldSize(rowsTotal);
}

/** Writes a PredictStreamResponse. */
export function encodePredictStreamResponse(writer: Writer, { response, firstRow, rowsDone, rowsTotal }: PredictStreamResponse): void {
  writer.lengthPrefix(0x0a, predictResponseSize(response));
  encodePredictResponse(writer, response);
  writer.uintField(0x10, firstRow);
  writer.uintField(0x18, rowsDone);
  writer.uintField(0x20, rowsTotal);
}

/** One message of the caller's side of a session. */
export type PredictSessionRequest =
  | { readonly kind: "none" }
  | { readonly kind: "options"; readonly ordered: boolean }
  | { readonly kind: "predict"; readonly id: string; readonly request: PredictRequest | undefined; readonly timeoutMs: number }
  | { readonly kind: "cancel"; readonly id: string };

/** Reads a PredictSessionRequest; of several members of the oneof the last wins. @throws DecodeError. */
export function decodePredictSessionRequest(buffer: Buffer): PredictSessionRequest {
  const reader = new Reader(buffer);
  let message: PredictSessionRequest = { kind: "none" };
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x0a || tag === 0x12 || tag === 0x1a) {
      const outerEnd = reader.end;
      const end = reader.length() + reader.at;
      reader.end = end;
      if (tag === 0x0a) message = decodeOptions(reader);
      else if (tag === 0x12) message = decodeSessionPredict(reader);
      else message = decodeCancel(reader);
      reader.end = outerEnd;
    } else reader.skip(tag);
  }
  return message;
}

function decodeOptions(reader: Reader): PredictSessionRequest {
  let ordered = false;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x08) ordered = reader.uint32() !== 0;
    else reader.skip(tag);
  }
  return { kind: "options", ordered };
}

function decodeSessionPredict(reader: Reader): PredictSessionRequest {
  let id = "";
  let request: PredictRequest | undefined;
  let timeoutMs = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x0a) id = reader.string();
    else if (tag === 0x12) request = requestField(reader);
    else if (tag === 0x18) timeoutMs = reader.uint32();
    else reader.skip(tag);
  }
  return { kind: "predict", id, request, timeoutMs };
}

function decodeCancel(reader: Reader): PredictSessionRequest {
  let id = "";
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x0a) id = reader.string();
    else reader.skip(tag);
  }
  return { kind: "cancel", id };
}

/** The answer to one prediction of a session: outputs, or an encoded google.rpc.Status. */
export interface SessionResult {
  readonly id: string;
  readonly response: PredictResponse | undefined;
  readonly error: Uint8Array | undefined;
}

function outcomeSize({ response, error }: SessionResult): number {
  return response === undefined ? error!.byteLength : predictResponseSize(response);
}

function resultSize(result: SessionResult): number {
  const length = outcomeSize(result);
  return textFieldSize(textSize(result.id)) + 1 + varintSize(length) + length;
}

/** Bytes that `encodeSessionResult` will write. */
export function sessionResultSize(result: SessionResult): number {
  const length = resultSize(result);
  return 1 + varintSize(length) + length;
}

/** Writes a PredictSessionResponse that holds a result. */
export function encodeSessionResult(writer: Writer, result: SessionResult): void {
  writer.lengthPrefix(0x0a, resultSize(result));
  writer.textField(0x0a, result.id, textSize(result.id));
  if (result.response === undefined) {
    writer.lengthPrefix(0x1a, result.error!.byteLength);
    writer.raw(result.error!);
  } else {
    writer.lengthPrefix(0x12, predictResponseSize(result.response));
    encodePredictResponse(writer, result.response);
  }
}

/** Bytes that `encodeSessionDrain` will write. */
export function sessionDrainSize(graceMs: number): number {
  return 2 + uintFieldSize(graceMs);
}

/** Writes a PredictSessionResponse that holds a drain message. */
export function encodeSessionDrain(writer: Writer, graceMs: number): void {
  writer.lengthPrefix(0x12, uintFieldSize(graceMs));
  writer.uintField(0x08, graceMs);
}

/** One message of an upload. */
export type PredictUploadRequest =
  | { readonly kind: "none" }
  | { readonly kind: "header"; readonly request: PredictRequest | undefined; readonly input: string; readonly totalBytes: number }
  | { readonly kind: "chunk"; readonly bytes: Buffer };

/** Reads a PredictUploadRequest. @throws DecodeError. */
export function decodePredictUploadRequest(buffer: Buffer): PredictUploadRequest {
  const reader = new Reader(buffer);
  let message: PredictUploadRequest = { kind: "none" };
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x0a) {
      const end = reader.length() + reader.at;
      message = decodeUploadHeader(new Reader(buffer, reader.at, end));
      reader.at = end;
    } else if (tag === 0x12) message = { kind: "chunk", bytes: reader.bytes() };
    else reader.skip(tag);
  }
  return message;
}

function decodeUploadHeader(reader: Reader): PredictUploadRequest {
  let request: PredictRequest | undefined;
  let input = "";
  let totalBytes = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x0a) request = requestField(reader);
    else if (tag === 0x12) input = reader.string();
    else if (tag === 0x18) {
      totalBytes = reader.int64();
      // A uint64 above 2^63 arrives negative here.
      if (totalBytes < 0) totalBytes = Infinity;
    } else reader.skip(tag);
  }
  return { kind: "header", request, input, totalBytes };
}
