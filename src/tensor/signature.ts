// What a model version takes and gives.

import type { DType } from "./dtype.ts";

/** One dimension of a signature. */
export interface Dim {
  /** Fixed length, or -1 when it is free. */
  readonly size: number;
  /** Symbol of a free dimension; "" when it has none or is fixed. Equal symbols mean equal lengths. */
  readonly symbol: string;
}

/** One input or output of a signature. */
export interface TensorSpec {
  /** Name in the model file. */
  readonly name: string;
  /** Element type. */
  readonly dtype: DType;
  /** Dimensions, outermost first. */
  readonly dims: readonly Dim[];
  /** From model.yaml; "" by default. */
  readonly description: string;
  /** Column names of the last dimension, from model.yaml; empty by default. */
  readonly columns: readonly string[];
  /** Class names, from model.yaml; empty by default. */
  readonly labels: readonly string[];
  /** Whether requests may leave the input out, as masks of padded models; false by default. */
  readonly optional?: boolean;
}

/** Inputs and outputs of a version, in the order of the model file. */
export interface Signature {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Whether each row is answered as it would be alone, so that requests may be cut; false where it is not known. */
  readonly rowsStandAlone?: boolean;
}
