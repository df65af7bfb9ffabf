// Reads the gRPC status out of a header block, knowing that the server was told to use no dynamic table.

const statusName = Buffer.from("grpc-status", "latin1");
// "grpc-status" in HPACK's Huffman code, the shorter form that most servers send.
const statusNameHuffman = Buffer.from("9acac8b21234da8f", "hex");

interface Cursor {
  offset: number;
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

function string(block: Buffer, cursor: Cursor): Buffer {
  const length = integer(block, cursor, 7);
  const start = cursor.offset;
  cursor.offset += length;
  return block.subarray(start, cursor.offset);
}

/** The value of `grpc-status`, or undefined when the block has none. Numbers are never worth Huffman code, so they stand in plain text. */
export function grpcStatusOf(block: Buffer): number | undefined {
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
    if (name !== undefined && (name.equals(statusNameHuffman) || name.equals(statusName))) return Number(value.toString("latin1"));
  }
  return undefined;
}
