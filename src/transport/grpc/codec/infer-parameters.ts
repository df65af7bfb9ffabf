// What the reserved parameters of an inference request mean.

import { ServiceError } from "../../../errors.ts";
import type { Violation } from "../../../errors.ts";
import { quoteName } from "../../../predict/quote-name.ts";
import type { InferParameter, InferParameters } from "./infer-parameter-codec.ts";

/** What the parameters of a request ask for. */
export interface RequestParameters {
  /** 1 is the highest, 0 the model's default. */
  readonly priority: number;
  /** Longest wait for the start of the run in milliseconds; 0 for the model's default. */
  readonly queueTimeoutMs: number;
  /** Whether a stream should end the answer to this request with an empty message. */
  readonly wantsEmptyFinal: boolean;
  /** PARAMETER_INVALID with every key that is wrong; undefined when none is. */
  readonly problem: ServiceError | undefined;
}

/** What a request without parameters asks for. */
export const NO_REQUEST_PARAMETERS: RequestParameters = Object.freeze({
  priority: 0,
  queueTimeoutMs: 0,
  wantsEmptyFinal: false,
  problem: undefined,
});

/** Reads the reserved keys; keys of the caller's own are passed over. */
export function toRequestParameters(parameters: InferParameters): RequestParameters {
  const violations: Violation[] = [];
  let firstKey = "";
  for (const [key, parameter] of parameters) {
    const why = whyInvalid(key, parameter, parameters);
    if (why === undefined) continue;
    if (violations.length === 0) firstKey = key;
    violations.push({ field: `parameters[${quoteName(key)}]`, description: `Parameter ${quoteName(key)} ${why}.` });
  }
  return {
    priority: numberOf(parameters.get("priority")),
    queueTimeoutMs: numberOf(parameters.get("timeout")) / 1000,
    wantsEmptyFinal: isTrue(parameters.get("triton_enable_empty_final_response")),
    problem: violations.length === 0 ? undefined : invalid(firstKey, violations),
  };
}

/** Why the value of a key cannot be taken; undefined when it can, or when the key is not reserved. */
function whyInvalid(key: string, parameter: InferParameter, all: InferParameters): string | undefined {
  const { type } = parameter;
  switch (key) {
    case "priority":
      if (type === "uint64" || (type === "int64" && parameter.value >= 0)) return undefined;
      return "must be an int64 of at least 0 or a uint64";
    case "timeout":
      return type === "int64" && parameter.value >= 0 ? undefined : "must be an int64 of at least 0, in microseconds";
    case "sequence_id":
      return type === "int64" || type === "uint64" || type === "string" ? undefined : "must be an int64, a uint64 or a string";
    case "sequence_start":
    case "sequence_end":
      if (type !== "bool") return "must be a bool";
      return !parameter.value || isSequence(all.get("sequence_id")) ? undefined : "needs a sequence_id that is not 0 or empty";
    case "triton_enable_empty_final_response":
      return type === "bool" ? undefined : "must be a bool";
    default:
      return key.startsWith("triton_") ? "is unknown; names that begin with triton_ are reserved" : undefined;
  }
}

function isSequence(id: InferParameter | undefined): boolean {
  return id !== undefined && id.type !== "none" && id.value !== 0 && id.value !== "";
}

function isTrue(parameter: InferParameter | undefined): boolean {
  return parameter?.type === "bool" && parameter.value;
}

function numberOf(parameter: InferParameter | undefined): number {
  return parameter?.type === "int64" || parameter?.type === "uint64" ? parameter.value : 0;
}

function invalid(key: string, violations: readonly Violation[]): ServiceError {
  return new ServiceError("PARAMETER_INVALID", violations[0]!.description, {
    violations,
    metadata: { stage: "validate", parameter: key.slice(0, 256) },
  });
}

/** How many classes an output's parameters ask for; 0 for its values. */
export function toClassCount(parameters: InferParameters): number {
  const classification = parameters.get("classification");
  return classification?.type === "int64" ? classification.value : 0;
}

/**
 * What is wrong with the parameters of one input or output; undefined when nothing.
 * @param field path of the tensor, e.g. `outputs[0]`. @param classifies whether `classification` is reserved.
 */
export function whyTensorInvalid(parameters: InferParameters, field: string, classifies: boolean): ServiceError | undefined {
  const region = parameters.get("shared_memory_region");
  if (region?.type === "string") return regionUnknown(region.value, field);
  if (region !== undefined) return invalidAt(field, "shared_memory_region", "must be a string");
  const classification = classifies ? parameters.get("classification") : undefined;
  if (classification === undefined || (classification.type === "int64" && classification.value >= 1)) return undefined;
  return invalidAt(field, "classification", "must be an int64 of at least 1");
}

function invalidAt(tensor: string, key: string, why: string): ServiceError {
  const field = `${tensor}.parameters[${quoteName(key)}]`;
  return invalid(key, [{ field, description: `Parameter ${quoteName(key)} of ${tensor} ${why}.` }]);
}

function regionUnknown(region: string, field: string): ServiceError {
  const text = `No shared memory region is named ${quoteName(region)}; none can be registered here.`;
  return new ServiceError("SHARED_MEMORY_UNKNOWN", text, {
    violations: [{ field: `${field}.parameters["shared_memory_region"]`, description: text }],
    metadata: { stage: "validate", region: region.slice(0, 256) },
    resource: { type: "shared memory region", name: region.slice(0, 256) },
  });
}
