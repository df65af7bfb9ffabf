// Sends one prediction through each of the four methods, so that a test can hold them to the same outcome.

import type { PredictRequest, PredictResponse } from "../../generated/predictd/v1/prediction.ts";
import type { Clients, Outcome } from "./clients.ts";
import { openSession } from "./session.ts";

/** A method of PredictionService. */
export type Way = "Predict" | "PredictStream" | "PredictSession" | "PredictUpload";

/** Sends a request one way. A stream answers with its first chunk, an upload carries the data of the last input in chunks. */
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
};
