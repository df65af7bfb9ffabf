// A test-only backend whose models give their inputs back unchanged, whatever the data type.

import type { Backend } from "../../src/engine/backend.ts";
import type { EngineRequest } from "../../src/engine/engine.ts";
import { declared, IDLE_ENGINE, instantResult, plainModel } from "./plain-model.ts";

/**
 * Makes the backend. Output n of a model is its input n; both are declared in config.pbtxt with equal types and dims.
 * @param gate holds each request back until its promise resolves; by default nothing is held back.
 */
export function createEchoBackend(gate: (request: EngineRequest) => Promise<void> | undefined = () => undefined): Backend {
  return {
    canBeDecoupled: false,
    explainFailure: String,
    async load(options) {
      const { outputs } = declared(options);
      const answer = ({ inputs, outputs: wanted }: EngineRequest) =>
        wanted.map((index) => {
          const { dtype, shape, bytes } = inputs[index]!;
          // Inputs are views of a message whose memory is used again.
          return { name: outputs[index]!.name, dtype, shape, bytes: Uint8Array.from(bytes), problem: undefined };
        });
      const submit = async (request: EngineRequest) => {
        await gate(request);
        return instantResult(answer(request));
      };
      return plainModel({ ...IDLE_ENGINE, submit }, options);
    },
  };
}

/** An input or output of an echo model: its name, its type as config.pbtxt spells it, without `TYPE_`, and its dims. */
export interface EchoTensor {
  readonly name: string;
  readonly type: string;
  readonly dims: readonly number[];
}

/** The files of one echo model, by their path in a model folder. Input X comes back as output X_OUT. */
export function echoFiles(model: string, tensors: readonly EchoTensor[], maxBatchSize = 0): Readonly<Record<string, string>> {
  const entry = (kind: string, name: string, { type, dims }: EchoTensor) =>
    `${kind} { name: "${name}" data_type: TYPE_${type} dims: [${dims.join(", ")}] }`;
  const lines = [
    `backend: "echo"`,
    `max_batch_size: ${maxBatchSize}`,
    ...tensors.map((tensor) => entry("input", tensor.name, tensor)),
    ...tensors.map((tensor) => entry("output", `${tensor.name}_OUT`, tensor)),
  ];
  return { [`${model}/config.pbtxt`]: `${lines.join("\n")}\n`, [`${model}/1/model.onnx`]: "" };
}
