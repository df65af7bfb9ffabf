// The names that data types have on the wire of the Open Inference Protocol.

import { DTYPE_BY_NUMBER } from "../../../tensor/dtype.ts";
import type { DType } from "../../../tensor/dtype.ts";
import type { Reader } from "./reader.ts";

const DTYPES: readonly DType[] = DTYPE_BY_NUMBER.filter((dtype) => dtype !== undefined);

/** Name of a data type on the wire: our own, but for STRING, which is `BYTES` there. */
export function toDatatype(dtype: DType): string {
  return dtype === "STRING" ? "BYTES" : dtype;
}

/** Reads a field that names a data type; undefined for an unknown one. Compares bytes: to make a string would cost more than all names. */
export function readDatatype(reader: Reader): DType | undefined {
  const length = reader.length();
  const start = reader.at;
  reader.at += length;
  for (const dtype of DTYPES) {
    const name = toDatatype(dtype);
    if (name.length === length && isAt(reader.buffer, start, name)) return dtype;
  }
  return undefined;
}

function isAt(buffer: Buffer, start: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) if (buffer[start + i] !== name.charCodeAt(i)) return false;
  return true;
}
