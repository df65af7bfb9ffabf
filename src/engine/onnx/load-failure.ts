// Says why a model could not be loaded, in words that hold no path of this machine.

import { ServiceError } from "../../errors.ts";
import { ModelError } from "../backend.ts";

const KNOWN: readonly (readonly [RegExp, (match: RegExpMatchArray) => string])[] = [
  [/Protobuf parsing failed/i, () => "The file is not an ONNX model."],
  [/does not have a graph|ModelProto does not have/i, () => "The file holds no graph."],
  [
    /(?:No Op registered for|is not a registered function\/op)[ :]*(\w+)?/i,
    (match) => `The runtime does not know the operator ${match[1] ?? "of a node"}.`,
  ],
  [/Could not find an implementation for (\w+)/i, (match) => `The runtime has no kernel for ${match[1]} with these types.`],
  [/opset|Opset|ir_version|IR version/, () => "The file needs a newer ONNX version than the runtime supports."],
  [/external data/i, () => "The model's external data file is missing, too short or not beside the model."],
  [/File doesn't exist|No such file|system error number 2/i, () => "The file is gone."],
  [/Permission denied|system error number 13/i, () => "The file may not be read."],
  [/Failed to allocate memory|bad_alloc/i, () => "There is not enough memory for the model."],
  [/Type Error|ShapeInferenceError|type inference|Type parameter/i, () => "The graph's types or shapes do not fit together."],
  [/INVALID_GRAPH|Invalid model|INVALID_PROTOBUF/i, () => "The graph is not valid."],
];

/** A reason for callers and operators; the runtime's own text belongs in the log. */
export function explainLoadFailure(error: unknown): string {
  if (error instanceof ModelError) return error.message;
  if (error instanceof ServiceError && error.reason === "WORKER_LOST") return "The worker died while it loaded the model.";
  const text = error instanceof Error ? error.message : String(error);
  for (const [pattern, explain] of KNOWN) {
    const match = text.match(pattern);
    if (match !== null) return explain(match);
  }
  return "The runtime refused the model; the server's log has its words.";
}
