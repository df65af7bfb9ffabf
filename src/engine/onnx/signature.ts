// The signature of a model from what the runtime reports, and whether its first dimension counts rows.

import type { Dim, Signature, TensorSpec } from "../../tensor/signature.ts";
import type { SpecNotes } from "../backend.ts";
import { ModelError } from "../backend.ts";
import type { PortInfo, SessionInfo } from "./protocol.ts";

/** A signature and where its outputs stand among the runtime's. */
export interface InferredSignature {
  readonly signature: Signature;
  readonly runtimeOutputs: readonly number[];
  /** What is not served and why. */
  readonly warnings: readonly string[];
}

/** @throws ModelError if an input cannot be carried, no output can, or the configuration describes something the file does not have. */
export function inferSignature(info: SessionInfo, inputNotes: readonly SpecNotes[], outputNotes: readonly SpecNotes[]): InferredSignature {
  const warnings: string[] = [];
  for (const { name } of [...info.inputs, ...info.outputs]) {
    // The runtime takes and gives plain objects by name, in which this name is not a key.
    if (name === "__proto__") throw new ModelError('An input or output is named "__proto__", which cannot be served.');
  }
  const inputs = info.inputs.map((port) => {
    const spec = toSpec(port, inputNotes);
    if (spec === undefined) throw new ModelError(`Input ${JSON.stringify(port.name)} is ${port.typeName}, which cannot be served.`);
    return spec;
  });
  const runtimeOutputs: number[] = [];
  const outputs: TensorSpec[] = [];
  for (const [index, port] of info.outputs.entries()) {
    const spec = toSpec(port, outputNotes);
    if (spec === undefined) {
      warnings.push(`Output ${JSON.stringify(port.name)} is ${port.typeName} and is not served.`);
    } else {
      outputs.push(spec);
      runtimeOutputs.push(index);
    }
  }
  if (outputs.length === 0) throw new ModelError("The model has no output that can be served.");
  assertKnown(inputs, inputNotes, "input");
  assertKnown(outputs, outputNotes, "output");
  return { signature: { inputs, outputs }, runtimeOutputs, warnings };
}

function toSpec(port: PortInfo, notes: readonly SpecNotes[]): TensorSpec | undefined {
  if (port.dtype === undefined) return undefined;
  const note = notes.find(({ name }) => name === port.name);
  const columns = note?.columns ?? [];
  const width = port.dims.at(-1)?.size ?? -1;
  if (columns.length > 0 && width !== -1 && columns.length !== width) {
    throw new ModelError(
      `The configuration names ${columns.length} columns for ${JSON.stringify(port.name)}; its last dimension is ${width}.`,
    );
  }
  return {
    name: port.name,
    dtype: port.dtype,
    dims: port.dims,
    description: note?.description ?? "",
    columns,
    labels: note?.labels ?? [],
  };
}

function assertKnown(specs: readonly TensorSpec[], notes: readonly SpecNotes[], kind: string): void {
  for (const { name } of notes) {
    if (specs.some((spec) => spec.name === name)) continue;
    throw new ModelError(
      `The configuration describes ${kind} ${JSON.stringify(name)}; the model has ${specs.map((spec) => JSON.stringify(spec.name)).join(", ")}.`,
    );
  }
}

/**
 * Whether the file says that the first dimension counts rows: it is free in every input and output, with one symbol for all
 * (a dimension without a symbol fits any), and that symbol stands nowhere else.
 * @returns why not, or undefined if it does.
 */
export function whyNotBatchable({ inputs, outputs }: Signature): string | undefined {
  if (inputs.length === 0) return "the model has no inputs";
  let symbol = "";
  for (const { name, dims } of [...inputs, ...outputs]) {
    const [first] = dims;
    if (first === undefined) return `${JSON.stringify(name)} is a scalar`;
    if (first.size !== -1) return `the first dimension of ${JSON.stringify(name)} is fixed at ${first.size}`;
    if (first.symbol === "") continue;
    if (symbol !== "" && first.symbol !== symbol) {
      return `first dimensions have different symbols, ${JSON.stringify(symbol)} and ${JSON.stringify(first.symbol)}`;
    }
    symbol = first.symbol;
  }
  const elsewhere = [...inputs, ...outputs].find(({ dims }) => symbol !== "" && dims.slice(1).some((dim: Dim) => dim.symbol === symbol));
  return elsewhere === undefined ? undefined : `the symbol of the rows stands again inside ${JSON.stringify(elsewhere.name)}`;
}
