// PredictionService.Predict.

import type { PredictApi } from "../../../api/predict-api.ts";
import { decodePredictRequest, encodePredictResponse, predictResponseSize } from "../codec/predict-codec.ts";
import { frame } from "../framing.ts";
import type { MethodLimits, OpenMethod } from "../method.ts";
import { singleMessage } from "./unary.ts";

/** Makes the method. */
export function predictMethod(api: PredictApi, limits: MethodLimits): OpenMethod {
  return singleMessage({ limits, toServiceError: api.toServiceError }, async (message, call, wire, release) => {
    try {
      const response = await api.predict(decodePredictRequest(message), call);
      wire.finish(frame(predictResponseSize(response), (writer) => encodePredictResponse(writer, response)));
    } finally {
      release();
    }
  });
}
