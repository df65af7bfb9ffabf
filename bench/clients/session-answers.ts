// Finds id and outcome in the answers of prediction streams without decoding the rest.

import type { Service } from "./load-spec.ts";

/** What the load generator wants to know of one answer. */
export interface SessionAnswer {
  /** Where the three characters of its id begin. */
  readonly idAt: number;
  readonly isError: boolean;
  /** Where its response message begins. */
  readonly responseAt: number;
}

const idBytes = 3;

function varint(bytes: Buffer, at: number): { value: number; next: number } {
  let value = 0;
  let next = at;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[next++]!;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return { value, next };
  }
}

// Where the content of a length-delimited field begins; -1 when another field, or none, stands there.
function contentAt(bytes: Buffer, at: number, tag: number): number {
  return bytes[at] === tag ? varint(bytes, at + 1).next : -1;
}

// Behind a length-delimited field, or the same place when another one stands there.
function behind(bytes: Buffer, at: number, tag: number): number {
  if (bytes[at] !== tag) return at;
  const { value, next } = varint(bytes, at + 1);
  return next + value;
}

/** PredictSessionResponse { result = 1 { id = 1, response = 2 or error = 3 } }. */
function readSessionResult(bytes: Buffer, start: number): SessionAnswer {
  const result = contentAt(bytes, start, 0x0a);
  if (result < 0 || bytes[result] !== 0x0a || bytes[result + 1] !== idBytes) throw new Error("Not a SessionResult.");
  const idAt = result + 2;
  const outcomeAt = idAt + idBytes;
  return { idAt, isError: bytes[outcomeAt] === 0x1a, responseAt: varint(bytes, outcomeAt + 1).next };
}

/** ModelStreamInferResponse { error_message = 1, infer_response = 2 { model_name = 1, model_version = 2, id = 3 } }. */
function readStreamInferResponse(bytes: Buffer, start: number): SessionAnswer {
  const responseAt = contentAt(bytes, behind(bytes, start, 0x0a), 0x12);
  const idField = responseAt < 0 ? -1 : behind(bytes, behind(bytes, responseAt, 0x0a), 0x12);
  if (idField < 0 || bytes[idField] !== 0x1a || bytes[idField + 1] !== idBytes)
    throw new Error("Not a ModelStreamInferResponse with an id.");
  return { idAt: idField + 2, isError: bytes[start] === 0x0a, responseAt };
}

/** How the answer that begins at `start` is read, by service. */
export const answerReaders: Readonly<Record<Service, (bytes: Buffer, start: number) => SessionAnswer>> = {
  "predictd.v1": readSessionResult,
  inference: readStreamInferResponse,
};
