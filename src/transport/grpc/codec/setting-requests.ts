// inference.TraceSettingRequest and LogSettingsRequest.

import { LogSettingsRequest_SettingValue, TraceSettingRequest_SettingValue } from "../../../../generated/inference/grpc_service.ts";
import { MapField } from "./map-field.ts";
import { DecodeError, Reader } from "./reader.ts";

/** Most bytes of one setting. */
const MAX_VALUE_BYTES = 4096;

/** A decoded TraceSettingRequest. */
export interface TraceSettingRequest {
  readonly settings: ReadonlyMap<string, readonly string[]>;
  /** "" for the server. */
  readonly modelName: string;
}

/** A decoded LogSettingsRequest. */
export interface LogSettingsRequest {
  /** Undefined for a setting without a value. */
  readonly settings: ReadonlyMap<string, boolean | number | string | undefined>;
}

/** Reads a TraceSettingRequest. @throws Error. */
export function decodeTraceSettingRequest(buffer: Buffer): TraceSettingRequest {
  const reader = new Reader(buffer);
  const settings = new MapField((bytes) => TraceSettingRequest_SettingValue.decode(short(bytes)).value);
  let modelName = "";
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x0a) settings.read(reader);
    else if (tag === 0x12) modelName = reader.string();
    else reader.skip(tag);
  }
  return { settings: settings.values, modelName };
}

/** Reads a LogSettingsRequest. @throws Error. */
export function decodeLogSettingsRequest(buffer: Buffer): LogSettingsRequest {
  const reader = new Reader(buffer);
  const settings = new MapField((bytes) => LogSettingsRequest_SettingValue.decode(short(bytes)).parameterChoice?.value);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x0a) settings.read(reader);
    else reader.skip(tag);
  }
  return { settings: settings.values };
}

function short(bytes: Buffer): Buffer {
  if (bytes.byteLength > MAX_VALUE_BYTES) throw new DecodeError(`A setting has more than ${MAX_VALUE_BYTES} bytes.`);
  return bytes;
}
