// The parts of an ONNX model that tests need, as plain data.

/** Element type by its ONNX name in lower case, with its number in `onnx.TensorProto.DataType`. */
export const ONNX_TYPES = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
} as const;

/** Name of an element type. */
export type OnnxType = keyof typeof ONNX_TYPES;

/** One dimension: a fixed length, a symbol, or null for one that is neither. */
export type OnnxDim = number | string | null;

/** A graph input or output that is a tensor. */
export interface TensorInfo {
  readonly name: string;
  readonly type: OnnxType;
  /** Undefined: the rank is not declared either. */
  readonly dims?: readonly OnnxDim[];
}

/** A graph output that is a sequence of maps from text or int64 to float, as classifiers of scikit-learn have. */
export interface MapSequenceInfo {
  readonly name: string;
  readonly sequenceOfMapsKeyedBy: "int64" | "string";
}

/** A constant tensor. */
export interface OnnxTensor {
  readonly name: string;
  readonly type: OnnxType;
  readonly dims: readonly number[];
  /** Little-endian elements, or the elements themselves for strings. */
  readonly data: Uint8Array | readonly string[];
}

/** The value of a node's attribute. */
export type OnnxAttribute =
  | { readonly i: number | bigint }
  | { readonly f: number }
  | { readonly s: string }
  | { readonly ints: readonly (number | bigint)[] }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly t: OnnxTensor }
  | { readonly g: OnnxGraph };

/** One operator of a graph. */
export interface OnnxNode {
  readonly op: string;
  /** Names of values; "" leaves an optional input out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  /** "" (the default) is ai.onnx. */
  readonly domain?: "" | "ai.onnx.ml" | "com.microsoft";
}

/** A graph, of a model or of an attribute. */
export interface OnnxGraph {
  readonly name?: string;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly (TensorInfo | MapSequenceInfo)[];
  readonly nodes: readonly OnnxNode[];
  readonly initializers?: readonly OnnxTensor[];
}
