// Reads the gRPC status out of a header block.

import { textOf, visitNamedFields } from "./hpack-fields.ts";

const statusName = Buffer.from("grpc-status", "latin1");
// "grpc-status" in HPACK's Huffman code, the shorter form that most servers send.
const statusNameHuffman = Buffer.from("9acac8b21234da8f", "hex");

/** The value of `grpc-status`, or undefined when the block has none. */
export function grpcStatusOf(block: Buffer): number | undefined {
  let status: number | undefined;
  visitNamedFields(block, (name, value) => {
    if (!name.bytes.equals(name.huffman ? statusNameHuffman : statusName)) return false;
    const text = textOf(value);
    status = text === undefined ? undefined : Number(text);
    return true;
  });
  return status;
}
