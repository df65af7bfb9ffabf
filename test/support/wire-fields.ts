// Protobuf fields by hand, for messages that no generated code would write.

/** A varint. */
export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}

/** A length-delimited field: a string, bytes or a message. @param number below 16. */
export function field(number: number, content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(bytes.byteLength), bytes]);
}

/** A number field. @param number below 16. */
export function numberField(number: number, value: number): Buffer {
  return Buffer.concat([Buffer.from([number << 3]), varint(value)]);
}

/** An entry of a map. @param value content of its value; undefined for an entry that has none. */
export function entry(number: number, key: string, value?: Uint8Array): Buffer {
  return field(number, value === undefined ? field(1, key) : Buffer.concat([field(1, key), field(2, value)]));
}
