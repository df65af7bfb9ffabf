// The signature that callers see: the file's, held against what the model's configuration declares.

import type { DeclaredSpec, LoadOptions } from "../backend.ts";
import { ModelError } from "../backend.ts";
import type { Dim, TensorSpec } from "../../tensor/signature.ts";
import type { Reshapes } from "./reshape.ts";
import { NO_RESHAPES } from "./reshape.ts";
import type { InferredSignature } from "./signature.ts";

/** A signature as it is served, and how it differs from the file's. */
export interface ServedSignature extends InferredSignature {
  readonly reshapes: Reshapes;
}

/**
 * Narrows the file's signature to the declaration. Inputs keep the file's order and must all be declared; outputs that are not declared
 * are not served.
 * @param hasRows whether the first dimension of everything counts rows, which declarations leave out.
 * @throws ModelError naming the first input or output that does not fit the file.
 */
export function declaredSignature(
  inferred: InferredSignature,
  { declaredInputs, declaredOutputs }: Pick<LoadOptions, "declaredInputs" | "declaredOutputs">,
  hasRows: boolean,
): ServedSignature {
  const { signature, runtimeOutputs } = inferred;
  const inputs = declare("input", signature.inputs, declaredInputs, hasRows);
  const undeclared = inputs.findIndex((input) => input === undefined);
  if (undeclared !== -1) {
    throw new ModelError(`The model has an input ${quoted(signature.inputs[undeclared]!)}, which the configuration does not declare.`);
  }
  const outputs = declare("output", signature.outputs, declaredOutputs, hasRows);
  const served = outputs.flatMap((output, index) => (output === undefined ? [] : [{ ...output, place: runtimeOutputs[index]! }]));
  const inputReshapes = inputs.map((input) => input!.reshape);
  const outputReshapes = served.map((output) => (output.reshape === undefined ? undefined : output.spec.dims.slice(hasRows ? 1 : 0)));
  const reshaped = [...inputReshapes, ...outputReshapes].some((pattern) => pattern !== undefined);
  return {
    ...inferred,
    signature: { inputs: inputs.map((input) => input!.spec), outputs: served.map(({ spec }) => spec) },
    runtimeOutputs: served.map(({ place }) => place),
    reshapes: reshaped
      ? { hasRows, inputs: inputReshapes, outputs: outputReshapes.map((dims) => dims?.map(({ size }) => size)) }
      : NO_RESHAPES,
  };
}

interface Declared {
  readonly spec: TensorSpec;
  readonly reshape: readonly number[] | undefined;
}

/** For each input or output of the file what is served as it; undefined for one that is not declared. */
function declare(
  kind: "input" | "output",
  specs: readonly TensorSpec[],
  declared: readonly DeclaredSpec[] | undefined,
  hasRows: boolean,
): readonly (Declared | undefined)[] {
  if (declared === undefined) return specs.map((spec) => ({ spec, reshape: undefined }));
  const unknown = declared.find(({ name }) => !specs.some((spec) => spec.name === name));
  if (unknown !== undefined) {
    throw new ModelError(`The configuration declares ${kind} ${quoted(unknown)}; the model has ${specs.map(quoted).join(", ")}.`);
  }
  return specs.map((spec) => {
    const declaration = declared.find(({ name }) => name === spec.name);
    return declaration === undefined ? undefined : fit(kind, spec, declaration, hasRows);
  });
}

function fit(kind: string, spec: TensorSpec, declaration: DeclaredSpec, hasRows: boolean): Declared {
  const { dtype, dims } = declaration;
  // Triton's configurations cannot say that something is a scalar.
  const isScalar = spec.dims.length === 0 && dims.length === 1 && dims[0] === 1;
  const reshape = declaration.reshape ?? (isScalar ? [] : undefined);
  const subject = `The configuration declares ${kind} ${quoted(spec)}`;
  if (dtype !== spec.dtype) throw new ModelError(`${subject} as ${dtype}; in the model it is ${spec.dtype}.`);
  const rows = hasRows ? spec.dims.slice(0, 1) : [];
  const fileDims = spec.dims.slice(rows.length);
  const inFile = reshape ?? dims;
  const fits = inFile.length === fileDims.length && inFile.every((length, i) => length === -1 || agrees(length, fileDims[i]!));
  if (!fits) {
    const shown = fileDims.map(({ size }) => size).join(", ");
    throw new ModelError(
      `${subject} with shape [${inFile.join(", ")}]${hasRows ? " beside the rows" : ""}; in the model it is [${shown}].`,
    );
  }
  if (reshape === undefined) return { spec: { ...spec, dims: [...rows, ...fileDims.map((dim, i) => narrow(dim, dims[i]!))] }, reshape };
  if (dims.filter((length) => length === -1).length > 1 || reshape.filter((length) => length === -1).length > 1) {
    throw new ModelError(`${subject} with a reshape in which more than one length is free.`);
  }
  return { spec: { ...spec, dims: [...rows, ...dims.map((size) => ({ size, symbol: "" }))] }, reshape };
}

function agrees(length: number, { size }: Dim): boolean {
  return size === -1 || size === length;
}

/** A length that either side fixes is fixed. */
function narrow(dim: Dim, length: number): Dim {
  return dim.size === -1 && length !== -1 ? { size: length, symbol: "" } : dim;
}

function quoted({ name }: { readonly name: string }): string {
  return JSON.stringify(name);
}
