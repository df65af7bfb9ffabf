// Numbers of 16 bits (FP16, BF16) from and to JavaScript numbers, since Float16Array is not in every Node predictd runs on.

const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);

/**
 * The 16 bits of the half-precision number nearest to `value` (ties to even); beyond 65,504 it is an infinity.
 * Rounds once from single precision, so a double is first rounded to FP32.
 */
export function toHalf(value: number): number {
  FLOAT[0] = value;
  const bits = BITS[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fff_ffff;
  if (magnitude > 0x7f80_0000) return sign | 0x7e00;
  if (magnitude >= 0x4780_0000) return sign | 0x7c00;
  if (magnitude >= 0x3880_0000) return sign | roundShift(magnitude - 0x3800_0000, 13);
  // Below 2^-25 nothing is left, and exactly 2^-25 ties to an even 0.
  if (magnitude <= 0x3300_0000) return sign;
  return sign | roundShift((magnitude & 0x007f_ffff) | 0x0080_0000, 126 - (magnitude >>> 23));
}

/** The number that 16 bits of half precision stand for. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The 16 bits of the bfloat16 number nearest to `value` (ties to even). Rounds once from single precision. */
export function toBfloat(value: number): number {
  FLOAT[0] = value;
  const bits = BITS[0]!;
  const magnitude = bits & 0x7fff_ffff;
  // Rounding must not turn a NaN into an infinity.
  if (magnitude > 0x7f80_0000) return (bits >>> 16) | 0x40;
  return ((bits >>> 16) & 0x8000) | roundShift(magnitude, 16);
}

/** The number that 16 bits of bfloat16 stand for. */
export function fromBfloat(bits: number): number {
  BITS[0] = bits << 16;
  return FLOAT[0]!;
}

function roundShift(value: number, shift: number): number {
  const kept = value >>> shift;
  const dropped = value & ((1 << shift) - 1);
  const middle = 1 << (shift - 1);
  return dropped > middle || (dropped === middle && kept & 1) ? kept + 1 : kept;
}
