// inference.InferParameter and the maps that hold it, by hand.

import { DecodeError } from "./reader.ts";
import type { Reader } from "./reader.ts";

/** Most keys of one map. */
const MAX_PARAMETERS = 256;

/** One value. Whole numbers are exact up to 2^53, beyond that of the right sign and magnitude. */
export type InferParameter =
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "int64" | "uint64" | "double"; readonly value: number }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "none" };

/** Values by key. */
export type InferParameters = ReadonlyMap<string, InferParameter>;

const NONE: InferParameter = Object.freeze({ type: "none" });

/**
 * Reads one entry of a map and adds it; of several entries with one key the last wins.
 * @param parameters what was read before; undefined for nothing. @returns the map with the entry. @throws DecodeError.
 */
export function readParameter(reader: Reader, parameters: Map<string, InferParameter> | undefined): Map<string, InferParameter> {
  const outerEnd = reader.end;
  reader.end = reader.length() + reader.at;
  let key = "";
  let parameter = NONE;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x0a) key = reader.string();
    else if (tag === 0x12) parameter = readValue(reader, parameter);
    else reader.skip(tag);
  }
  reader.end = outerEnd;
  const map = parameters ?? new Map<string, InferParameter>();
  if (map.size === MAX_PARAMETERS && !map.has(key)) throw new DecodeError(`It has more than ${MAX_PARAMETERS} parameters.`);
  return map.set(key, parameter);
}

/** @param before the value of the same entry so far, which a message without a member leaves as it is. */
function readValue(reader: Reader, before: InferParameter): InferParameter {
  const outerEnd = reader.end;
  reader.end = reader.length() + reader.at;
  let parameter = before;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x08) parameter = { type: "bool", value: reader.int64() !== 0 };
    else if (tag === 0x10) parameter = { type: "int64", value: reader.int64() };
    else if (tag === 0x1a) parameter = { type: "string", value: reader.string() };
    else if (tag === 0x21) {
      reader.skip(tag);
      parameter = { type: "double", value: reader.buffer.readDoubleLE(reader.at - 8) };
    } else if (tag === 0x28) {
      const value = reader.int64();
      parameter = { type: "uint64", value: value < 0 ? value + 2 ** 64 : value };
    } else reader.skip(tag);
  }
  reader.end = outerEnd;
  return parameter;
}
