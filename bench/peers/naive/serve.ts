// The server one writes first: grpc-js, the generated code, and onnxruntime's run() in the handler of ModelInfer.

import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import type { handleUnaryCall, sendUnaryData, ServerUnaryCall } from "@grpc/grpc-js";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { GRPCInferenceServiceService } from "../../../generated/inference/grpc_service.ts";
import type { ModelInferRequest, ModelInferResponse } from "../../../generated/inference/grpc_service.ts";

// Usage: node bench/peers/naive/serve.ts <host> <port> <model name> <model.onnx> <threads>
const [host, port, modelName, file, threads] = process.argv.slice(2);
if (host === undefined || port === undefined || modelName === undefined || file === undefined || threads === undefined) {
  throw new Error("Usage: node bench/peers/naive/serve.ts <host> <port> <model name> <model.onnx> <threads>");
}

const session = await InferenceSession.create(file, {
  executionProviders: ["cpu"],
  intraOpNumThreads: Number(threads),
  interOpNumThreads: 1,
  extra: { session: { intra_op: { allow_spinning: "0" } } },
});

/** The floats of an input; a copy, because the message rarely places them on a multiple of four bytes. */
function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(bytes).buffer);
}

async function infer({ id, inputs, rawInputContents }: ModelInferRequest): Promise<ModelInferResponse> {
  const feeds = inputs.map(
    ({ name, shape }, i) => [name, new Tensor("float32", floatsOf(rawInputContents[i]!), shape.map(Number))] as const,
  );
  const results = Object.entries(await session.run(Object.fromEntries(feeds)));
  return {
    modelName: modelName!,
    modelVersion: "1",
    id,
    parameters: {},
    outputs: results.map(([name, { dims }]) => ({ name, datatype: "FP32", shape: dims.map(BigInt), parameters: {}, contents: undefined })),
    rawOutputContents: results.map(([, { data }]) => {
      // Every output of the bench's model is a float tensor on the CPU.
      const { buffer, byteOffset, byteLength } = data as Float32Array;
      return new Uint8Array(buffer, byteOffset, byteLength);
    }),
  };
}

async function answer(
  { request }: ServerUnaryCall<ModelInferRequest, ModelInferResponse>,
  callback: sendUnaryData<ModelInferResponse>,
): Promise<void> {
  try {
    callback(null, await infer(request));
  } catch (error) {
    callback({ code: status.INTERNAL, details: String(error) });
  }
}

const modelInfer: handleUnaryCall<ModelInferRequest, ModelInferResponse> = (call, callback) => void answer(call, callback);

const server = new Server();
server.addService({ modelInfer: GRPCInferenceServiceService.modelInfer }, { modelInfer });
server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
});
process.once("SIGTERM", () => server.forceShutdown());
