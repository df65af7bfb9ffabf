// What the unary methods of a single prediction have in common.

import type { PredictApi } from "../../../api/predict-api.ts";
import type { PredictRequest, PredictResponse } from "../../../predict/request.ts";
import type { Writer } from "../codec/writer.ts";
import { frame } from "../framing.ts";
import type { MethodLimits, OpenMethod } from "../method.ts";
import { madeBytes } from "./made-bytes.ts";
import { singleMessage } from "./unary.ts";

/** How a method reads its request and writes its answer. */
export interface PredictionCodec {
  /** Reads the request; tensors may be views of the message. @throws DecodeError. */
  readonly decode: (message: Buffer) => PredictRequest;
  /** Bytes that `encode` will write. */
  readonly size: (response: PredictResponse) => number;
  /** Writes the answer. */
  readonly encode: (writer: Writer, response: PredictResponse) => void;
}

/** Makes the method. */
export function unaryPrediction(api: PredictApi, limits: MethodLimits, { decode, size, encode }: PredictionCodec): OpenMethod {
  // No async function here: on the hottest way of all every promise counts.
  return singleMessage({ limits, toServiceError: api.toServiceError }, (message, call, wire, release, fail) => {
    const request = decode(message);
    const free = wire.holdMore(madeBytes(request.inputs, message), message.byteLength, release);
    api.predict(request, call).then(
      (response) => {
        free();
        try {
          wire.finish(frame(size(response), (writer) => encode(writer, response)));
        } catch (error) {
          fail(error);
        }
      },
      (error: unknown) => {
        free();
        fail(error);
      },
    );
  });
}
