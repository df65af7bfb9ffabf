// PredictRequest and PredictResponse of predictd.v1, by hand.

import { NO_CLASSES } from "../../../predict/request.ts";
import type { PredictRequest, PredictResponse, Timings } from "../../../predict/request.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import { DecodeError, Reader } from "./reader.ts";
import { decodeTensor, encodeTensor, tensorSize } from "./tensor-codec.ts";
import { textFieldSize, textSize, uintFieldSize, varintSize } from "./writer.ts";
import type { Writer } from "./writer.ts";

/** Most inputs, and most outputs asked for: an empty one costs its sender two bytes and us a hundred. */
const MAX_TENSORS = 1024;

/** Reads a PredictRequest. @throws DecodeError. */
export function decodePredictRequest(buffer: Buffer, start = 0, end = buffer.length): PredictRequest {
  const reader = new Reader(buffer, start, end);
  let model = "";
  let version = "";
  let requestId = "";
  const inputs: Tensor[] = [];
  const outputs: string[] = [];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x0a) model = reader.string();
    else if (tag === 0x12) version = reader.string();
    else if (tag === 0x1a) requestId = reader.string();
    else if (tag === 0x22) {
      const length = reader.length();
      if (inputs.length === MAX_TENSORS) throw new DecodeError(`It has more than ${MAX_TENSORS} inputs.`);
      inputs.push(decodeTensor(reader, reader.at + length));
    } else if (tag === 0x2a) {
      if (outputs.length === MAX_TENSORS) throw new DecodeError(`It asks for more than ${MAX_TENSORS} outputs.`);
      outputs.push(reader.string());
    } else reader.skip(tag);
  }
  return { model, version, requestId, inputs, outputs, classCounts: NO_CLASSES, priority: 0, queueTimeoutMs: 0, problem: undefined };
}

/** Bytes that `encodePredictResponse` will write. */
export function predictResponseSize(response: PredictResponse): number {
  const { model, version, requestId, outputs, timings, batchRows } = response;
  let size = textFieldSize(textSize(model)) + textFieldSize(textSize(version)) + textFieldSize(textSize(requestId));
  for (const output of outputs) {
    const length = tensorSize(output);
    size += 1 + varintSize(length) + length;
  }
  const length = timingsSize(timings);
  return size + 1 + varintSize(length) + length + uintFieldSize(batchRows);
}

/** Writes a PredictResponse. */
export function encodePredictResponse(writer: Writer, response: PredictResponse): void {
  const { model, version, requestId, outputs, timings, batchRows } = response;
  writer.textField(0x0a, model, textSize(model));
  writer.textField(0x12, version, textSize(version));
  writer.textField(0x1a, requestId, textSize(requestId));
  for (const output of outputs) {
    writer.lengthPrefix(0x22, tensorSize(output));
    encodeTensor(writer, output);
  }
  writer.lengthPrefix(0x2a, timingsSize(timings));
  encodeTimings(writer, timings);
  writer.uintField(0x30, batchRows);
}

function timingsSize(timings: Timings): number {
  return (
    uintFieldSize(timings.routeUs) +
    uintFieldSize(timings.validateUs) +
    uintFieldSize(timings.admitUs) +
    uintFieldSize(timings.queueUs) +
    uintFieldSize(timings.batchUs) +
    uintFieldSize(timings.runUs) +
    uintFieldSize(timings.postprocessUs) +
    uintFieldSize(timings.totalUs)
  );
}

function encodeTimings(writer: Writer, timings: Timings): void {
  writer.uintField(0x08, timings.routeUs);
  writer.uintField(0x10, timings.validateUs);
  writer.uintField(0x18, timings.admitUs);
  writer.uintField(0x20, timings.queueUs);
  writer.uintField(0x28, timings.batchUs);
  writer.uintField(0x30, timings.runUs);
  writer.uintField(0x38, timings.postprocessUs);
  writer.uintField(0x40, timings.totalUs);
}
