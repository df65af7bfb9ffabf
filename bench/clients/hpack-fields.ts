// Reads literal fields out of a header block, knowing that the server was told to use no dynamic table.

import { huffmanText } from "./hpack-huffman.ts";

interface Cursor {
  offset: number;
}

/** A string as it stands in the block. */
export interface HpackString {
  readonly bytes: Buffer;
  readonly huffman: boolean;
}

function integer(block: Buffer, cursor: Cursor, prefixBits: number): number {
  const max = 2 ** prefixBits - 1;
  let value = block[cursor.offset++]! & max;
  if (value < max) return value;
  for (let shift = 0; ; shift += 7) {
    const byte = block[cursor.offset++];
    if (byte === undefined) throw new Error("Header block ends inside an integer.");
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value;
  }
}

function string(block: Buffer, cursor: Cursor): HpackString {
  const huffman = (block[cursor.offset] ?? 0) >= 0x80;
  const length = integer(block, cursor, 7);
  const start = cursor.offset;
  cursor.offset += length;
  return { bytes: block.subarray(start, cursor.offset), huffman };
}

/** Text of a string; undefined when its Huffman code holds anything but printable ASCII. */
export function textOf({ bytes, huffman }: HpackString): string | undefined {
  return huffman ? huffmanText(bytes) : bytes.toString("latin1");
}

/** Calls `visit` for each field that names itself, until it returns true. Fields out of the static table by name are none of gRPC's own. */
export function visitNamedFields(block: Buffer, visit: (name: HpackString, value: HpackString) => boolean): void {
  const cursor = { offset: 0 };
  while (cursor.offset < block.length) {
    const byte = block[cursor.offset]!;
    if (byte >= 0x80) {
      integer(block, cursor, 7);
      continue;
    }
    if ((byte & 0xe0) === 0x20) {
      integer(block, cursor, 5);
      continue;
    }
    const nameIndex = integer(block, cursor, byte >= 0x40 ? 6 : 4);
    const name = nameIndex === 0 ? string(block, cursor) : undefined;
    const value = string(block, cursor);
    if (name !== undefined && visit(name, value)) return;
  }
}

/** The texts of all fields that name themselves; later ones win. */
export function namedFields(block: Buffer): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  visitNamedFields(block, (name, value) => {
    const [nameText, valueText] = [textOf(name), textOf(value)];
    if (nameText !== undefined && valueText !== undefined) fields.set(nameText, valueText);
    return false;
  });
  return fields;
}
