// Request bodies of each class of calls, encoded once before the run.

import { ModelInferRequest } from "../../generated/inference/grpc_service.ts";
import type { CallClass } from "./schedule.ts";
import type { InputSpec, Target } from "./target.ts";

const usPerMs = 1000;

interface Filled {
  readonly spec: InputSpec;
  readonly shape: readonly number[];
  readonly rowShape: readonly number[];
  readonly values: readonly number[];
}

/** Bytes of values in a data type; only types that a load needs. */
const packers: Readonly<Record<string, (values: readonly number[]) => ArrayBufferView>> = {
  FP32: (values) => Float32Array.from(values),
  FP64: (values) => Float64Array.from(values),
  INT32: (values) => Int32Array.from(values),
  INT64: (values) => BigInt64Array.from(values, BigInt),
  UINT8: (values) => Uint8Array.from(values),
  BOOL: (values) => Uint8Array.from(values, (value) => value & 1),
};

function fill(spec: InputSpec, { rows, length }: CallClass): Filled {
  const rowShape = spec.rowShape.map((dim) => (dim === -1 ? (length ?? 1) : dim));
  const count = rowShape.reduce((product, dim) => product * dim, rows);
  // Fractions where the type has them; small whole numbers elsewhere.
  const whole = !spec.datatype.startsWith("FP");
  const values = Array.from({ length: count }, (_, i) => (whole ? i % 2 : Math.fround((i % 251) / 251)));
  return { spec, shape: [rows, ...rowShape], rowShape, values };
}

function pack({ spec, values }: Filled): Buffer {
  const packer = packers[spec.datatype];
  if (packer === undefined) throw new Error(`Inputs of type ${spec.datatype} are not supported: ${Object.keys(packers).join(", ")} are.`);
  const { buffer, byteOffset, byteLength } = packer(values);
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** A ModelInferRequest with raw contents. @throws Error for a data type that the generator does not know. */
export function inferMessage(callClass: CallClass, inputs: readonly InputSpec[], tritonTimeoutSlackMs?: number): Buffer {
  const filled = inputs.map((spec) => fill(spec, callClass));
  const timeoutMs = tritonTimeoutSlackMs === undefined ? Infinity : Math.max(1 / usPerMs, callClass.deadlineMs - tritonTimeoutSlackMs);
  const parameter = (ms: number) => ({ $case: "int64Param" as const, value: BigInt(Math.round(ms * usPerMs)) });
  const message = ModelInferRequest.fromPartial({
    modelName: callClass.model,
    parameters: timeoutMs === Infinity ? {} : { timeout: { parameterChoice: parameter(timeoutMs) } },
    inputs: filled.map(({ spec, shape }) => ({ name: spec.name, datatype: spec.datatype, shape: shape.map(BigInt) })),
    rawInputContents: filled.map(pack),
  });
  return Buffer.from(ModelInferRequest.encode(message).finish());
}

/** The same as JSON of the protocol's REST form. */
export function inferJson(callClass: CallClass, inputs: readonly InputSpec[]): Buffer {
  const filled = inputs.map((spec) => fill(spec, callClass));
  const tensors = filled.map(({ spec, shape, values }) => ({ name: spec.name, shape, datatype: spec.datatype, data: values }));
  return Buffer.from(JSON.stringify({ inputs: tensors }));
}

function nest(values: readonly number[], shape: readonly number[]): unknown {
  if (shape.length <= 1) return values;
  const [first, ...rest] = shape;
  const size = values.length / first!;
  return Array.from({ length: first! }, (_, i) => nest(values.slice(i * size, (i + 1) * size), rest));
}

/** `{"x": [[…], …]}`; `bareRow` sends the one row without the list around it. */
export function plainJson(callClass: CallClass, inputs: readonly InputSpec[], bareRow: boolean): Buffer {
  const filled = inputs.map((spec) => fill(spec, callClass));
  const body = filled.map(({ spec, shape, rowShape, values }) => [spec.name, nest(values, bareRow ? rowShape : shape)]);
  return Buffer.from(JSON.stringify(Object.fromEntries(body)));
}

/** Path and body of an HTTP call. */
export function httpRequest(
  callClass: CallClass,
  target: Target,
  inputs: readonly InputSpec[],
): { readonly path: string; readonly body: Buffer } {
  if (target.protocol === "oip-http") return { path: `/v2/models/${callClass.model}/infer`, body: inferJson(callClass, inputs) };
  const path = (target.path ?? "/predict").replaceAll("{model}", callClass.model);
  return { path, body: plainJson(callClass, inputs, target.bareRow === true) };
}
