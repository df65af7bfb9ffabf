// Sends one prediction through each method that takes one, so that a test can hold them to the same outcome.

import { credentials, Metadata } from "@grpc/grpc-js";
import type { ModelInferResponse, ModelStreamInferResponse } from "../../generated/inference/grpc_service.ts";
import { GRPCInferenceServiceClient } from "../../generated/inference/grpc_service.ts";
import type { PredictRequest, PredictResponse } from "../../generated/predictd/v1/prediction.ts";
import type { Clients, Outcome } from "./clients.ts";
import { unary } from "./clients.ts";
import { fromInferResponse, toInferRequest } from "./oip-way.ts";
import { openSession } from "./session.ts";
import { readError } from "./status-details.ts";

/** A method of PredictionService or GRPCInferenceService. */
export type Way = "Predict" | "PredictStream" | "PredictSession" | "PredictUpload" | "ModelInfer" | "ModelStreamInfer";

/** The methods of the Open Inference Protocol. */
export const OIP_WAYS = ["ModelInfer", "ModelStreamInfer"] as const;

/**
 * Sends a request one way. A stream answers with its first chunk, an upload carries the data of the last input in chunks, and the first
 * error of ModelStreamInfer ends the stream, as it carries its details then.
 */
export const WAYS: Readonly<Record<Way, (clients: Clients, request: PredictRequest) => Promise<Outcome<PredictResponse>>>> = {
  Predict: (clients, request) => clients.predict(request),
  async PredictStream(clients, request) {
    const { chunks, failure } = await clients.predictStream(request);
    return { response: chunks[0]?.response, failure };
  },
  async PredictSession(clients, request) {
    const session = openSession(clients.prediction);
    const { response, failure } = await session.predict("1", request);
    const end = await session.end();
    if (end !== undefined) throw new Error(`an answer in band must leave the stream alone, but it ended with ${end.code}`);
    return { response, failure };
  },
  PredictUpload(clients, request) {
    const last = request.inputs.at(-1);
    const bytes = last?.raw ?? new Uint8Array(0);
    const inputs = request.inputs.map((input) => (input === last ? { ...input, raw: new Uint8Array(0) } : input));
    const middle = bytes.length >> 1;
    return clients.upload({ request: { ...request, inputs }, input: last?.name ?? "", totalBytes: BigInt(bytes.length) }, [
      bytes.subarray(0, middle),
      bytes.subarray(middle),
    ]);
  },
  async ModelInfer(clients, request) {
    const { response, failure } = await unary<ModelInferResponse>((done) => {
      inference(clients).modelInfer(toInferRequest(request), done);
    });
    return response === undefined ? { failure } : { response: fromInferResponse(response) };
  },
  ModelStreamInfer(clients, request) {
    const metadata = new Metadata();
    metadata.set("triton_grpc_error", "true");
    const call = inference(clients).modelStreamInfer(metadata);
    return new Promise((resolve) => {
      call.on("data", ({ inferResponse }: ModelStreamInferResponse) => resolve({ response: fromInferResponse(inferResponse!) }));
      call.on("error", (error) => resolve({ failure: readError(error as Parameters<typeof readError>[0]) }));
      call.write(toInferRequest(request));
      call.end();
    });
  },
};

function inference({ prediction }: Clients): GRPCInferenceServiceClient {
  return new GRPCInferenceServiceClient("", credentials.createInsecure(), { channelOverride: prediction.getChannel() });
}
