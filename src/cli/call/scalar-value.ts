// JSON values as scalars of protobuf.

const RANGES: Readonly<Record<string, readonly [min: bigint, max: bigint]>> = {
  ...Object.fromEntries(["INT32", "SINT32", "SFIXED32"].map((type) => [`TYPE_${type}`, [-(2n ** 31n), 2n ** 31n - 1n]])),
  ...Object.fromEntries(["UINT32", "FIXED32"].map((type) => [`TYPE_${type}`, [0n, 2n ** 32n - 1n]])),
  ...Object.fromEntries(["INT64", "SINT64", "SFIXED64"].map((type) => [`TYPE_${type}`, [-(2n ** 63n), 2n ** 63n - 1n]])),
  ...Object.fromEntries(["UINT64", "FIXED64"].map((type) => [`TYPE_${type}`, [0n, 2n ** 64n - 1n]])),
};

/** What a value of a type has to be, for messages. */
export function describeScalar(type: string): string {
  const range = RANGES[type];
  if (range !== undefined) return `an integer from ${range[0]} to ${range[1]}`;
  if (type === "TYPE_BOOL") return "true or false";
  if (type === "TYPE_BYTES") return "text in base64";
  return type === "TYPE_STRING" ? "text" : "a number";
}

/**
 * The value that protobuf's encoder takes, without a digit lost.
 * @param type e.g. `TYPE_INT64`.
 * @returns undefined for a value that is not of the type.
 */
export function scalarFromJson(value: unknown, type: string): boolean | number | string | Uint8Array | undefined {
  switch (type) {
    case "TYPE_BOOL":
      return typeof value === "boolean" ? value : undefined;
    case "TYPE_STRING":
      return typeof value === "string" ? value : undefined;
    case "TYPE_BYTES":
      return typeof value === "string" ? decodeBase64(value) : undefined;
    case "TYPE_FLOAT":
    case "TYPE_DOUBLE":
      return floatFromJson(value);
    default:
      return integerFromJson(value, RANGES[type]!);
  }
}

/** Bytes from base64 of either alphabet, padded or not; undefined for other text. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const digits = text.replace(/={1,2}$/, "");
  return /^[\w+/-]*$/.test(digits) && digits.length % 4 !== 1 ? Buffer.from(digits, "base64") : undefined;
}

function floatFromJson(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value !== "string" || value.trim() === "") return undefined;
  const number = Number(value);
  return value === "NaN" || !Number.isNaN(number) ? number : undefined;
}

function integerFromJson(value: unknown, [min, max]: readonly [bigint, bigint]): number | string | undefined {
  const isInteger = typeof value === "number" ? Number.isInteger(value) : typeof value === "string" && /^-?\d+$/.test(value);
  if (!isInteger) return undefined;
  const integer = BigInt(value as number | string);
  if (integer < min || integer > max) return undefined;
  return max > 2n ** 32n ? integer.toString() : Number(integer);
}
