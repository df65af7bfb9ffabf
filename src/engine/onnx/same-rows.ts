// Whether two outputs are the same numbers, within the tolerance that another order of summing needs.

import type { DType } from "../../tensor/dtype.ts";
import { ELEMENT_BYTES } from "../../tensor/dtype.ts";

const RELATIVE: Readonly<Partial<Record<DType, number>>> = { FP16: 1e-2, FP32: 1e-3, FP64: 1e-6 };
const ABSOLUTE: Readonly<Partial<Record<DType, number>>> = { FP16: 1e-2, FP32: 1e-4, FP64: 1e-8 };

/** Compares element by element: floats within a tolerance, with NaN equal to NaN; everything else exactly. */
export function sameElements(dtype: DType, a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false;
  const relative = RELATIVE[dtype];
  if (relative === undefined) return Buffer.compare(a, b) === 0;
  const width = ELEMENT_BYTES[dtype];
  const viewA = new DataView(a.buffer, a.byteOffset, a.byteLength);
  const viewB = new DataView(b.buffer, b.byteOffset, b.byteLength);
  for (let at = 0; at < a.byteLength; at += width) {
    const x = readFloat(viewA, dtype, at);
    const y = readFloat(viewB, dtype, at);
    if (Object.is(x, y) || x === y) continue;
    if (!(Math.abs(x - y) <= ABSOLUTE[dtype]! + relative * Math.max(Math.abs(x), Math.abs(y)))) return false;
  }
  return true;
}

function readFloat(view: DataView, dtype: DType, at: number): number {
  if (dtype === "FP64") return view.getFloat64(at, true);
  if (dtype === "FP32") return view.getFloat32(at, true);
  const bits = view.getUint16(at, true);
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}
