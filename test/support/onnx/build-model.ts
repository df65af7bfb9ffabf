// Writes ONNX model files from plain data, without Python.

import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

import { ONNX_TYPES } from "./types.ts";
import type { MapSequenceInfo, OnnxAttribute, OnnxGraph, OnnxNode, OnnxTensor, TensorInfo } from "./types.ts";

const OPSETS = [
  ["", 17],
  ["ai.onnx.ml", 3],
  ["com.microsoft", 1],
] as const;
// Numbers of onnx.AttributeProto.AttributeType.
const ATTRIBUTE_TYPES = { f: 1, i: 2, s: 3, t: 4, g: 5, floats: 6, ints: 7, strings: 8 } as const;

/** The bytes of a model file with this graph: IR version 8, opset 17. */
export function buildModel(graph: OnnxGraph): Uint8Array {
  const domains = new Set(domainsOf(graph));
  const writer = new BinaryWriter().tag(1, WireType.Varint).int64(8).tag(2, WireType.LengthDelimited).string("predictd-tests");
  message(writer, 7, () => writeGraph(writer, graph));
  for (const [domain, version] of OPSETS) {
    if (!domains.has(domain)) continue;
    message(writer, 8, () => writer.tag(1, WireType.LengthDelimited).string(domain).tag(2, WireType.Varint).int64(version));
  }
  return writer.finish();
}

function domainsOf(graph: OnnxGraph): string[] {
  const inner = graph.nodes.flatMap((node) =>
    Object.values(node.attributes ?? {}).flatMap((value) => ("g" in value ? domainsOf(value.g) : [])),
  );
  return ["", ...graph.nodes.map((node) => node.domain ?? ""), ...inner];
}

function message(writer: BinaryWriter, field: number, body: () => unknown): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  body();
  writer.join();
}

function texts(writer: BinaryWriter, field: number, values: readonly string[]): void {
  for (const value of values) writer.tag(field, WireType.LengthDelimited).string(value);
}

function writeGraph(writer: BinaryWriter, graph: OnnxGraph): void {
  for (const node of graph.nodes) message(writer, 1, () => writeNode(writer, node));
  writer.tag(2, WireType.LengthDelimited).string(graph.name ?? "graph");
  for (const tensor of graph.initializers ?? []) message(writer, 5, () => writeTensor(writer, tensor));
  for (const input of graph.inputs) message(writer, 11, () => writeValueInfo(writer, input));
  for (const output of graph.outputs) message(writer, 12, () => writeValueInfo(writer, output));
}

function writeNode(writer: BinaryWriter, node: OnnxNode): void {
  texts(writer, 1, node.inputs);
  texts(writer, 2, node.outputs);
  texts(writer, 4, [node.op]);
  for (const [name, value] of Object.entries(node.attributes ?? {})) message(writer, 5, () => writeAttribute(writer, name, value));
  texts(writer, 7, [node.domain ?? ""]);
}

function writeAttribute(writer: BinaryWriter, name: string, value: OnnxAttribute): void {
  texts(writer, 1, [name]);
  const kind = Object.keys(value)[0] as keyof typeof ATTRIBUTE_TYPES;
  writer.tag(20, WireType.Varint).int32(ATTRIBUTE_TYPES[kind]);
  if ("f" in value) writer.tag(2, WireType.Bit32).float(value.f);
  else if ("i" in value) writer.tag(3, WireType.Varint).int64(BigInt(value.i));
  else if ("s" in value) texts(writer, 4, [value.s]);
  else if ("t" in value) message(writer, 5, () => writeTensor(writer, value.t));
  else if ("g" in value) message(writer, 6, () => writeGraph(writer, value.g));
  else if ("floats" in value) for (const item of value.floats) writer.tag(7, WireType.Bit32).float(item);
  else if ("ints" in value) for (const item of value.ints) writer.tag(8, WireType.Varint).int64(BigInt(item));
  else texts(writer, 9, value.strings);
}

function writeTensor(writer: BinaryWriter, tensor: OnnxTensor): void {
  for (const dim of tensor.dims) writer.tag(1, WireType.Varint).int64(dim);
  writer.tag(2, WireType.Varint).int32(ONNX_TYPES[tensor.type]);
  if (tensor.data instanceof Uint8Array) writer.tag(9, WireType.LengthDelimited).bytes(tensor.data);
  else texts(writer, 6, tensor.data);
  texts(writer, 8, [tensor.name]);
}

function writeValueInfo(writer: BinaryWriter, info: TensorInfo | MapSequenceInfo): void {
  texts(writer, 1, [info.name]);
  message(writer, 2, () => ("type" in info ? writeTensorType(writer, info) : writeMapSequenceType(writer, info)));
}

function writeTensorType(writer: BinaryWriter, info: TensorInfo): void {
  message(writer, 1, () => {
    writer.tag(1, WireType.Varint).int32(ONNX_TYPES[info.type]);
    const { dims } = info;
    if (dims === undefined) return;
    message(writer, 2, () => {
      for (const dim of dims) {
        message(writer, 1, () => {
          if (typeof dim === "number") writer.tag(1, WireType.Varint).int64(dim);
          else if (dim !== null) texts(writer, 2, [dim]);
        });
      }
    });
  });
}

function writeMapSequenceType(writer: BinaryWriter, info: MapSequenceInfo): void {
  message(writer, 4, () => {
    message(writer, 1, () => {
      message(writer, 5, () => {
        writer.tag(1, WireType.Varint).int32(ONNX_TYPES[info.sequenceOfMapsKeyedBy]);
        message(writer, 2, () => message(writer, 1, () => writer.tag(1, WireType.Varint).int32(ONNX_TYPES.float)));
      });
    });
  });
}
