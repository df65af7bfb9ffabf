// PredictionService.Predict.

import type { PredictApi } from "../../../api/predict-api.ts";
import { decodePredictRequest, encodePredictResponse, predictResponseSize } from "../codec/predict-codec.ts";
import { frame } from "../framing.ts";
import type { MethodLimits, OpenMethod } from "../method.ts";
import { singleMessage } from "./unary.ts";

/** Makes the method. */
export function predictMethod(api: PredictApi, limits: MethodLimits): OpenMethod {
  // No async function here: on the hottest way of all every promise counts.
  return singleMessage({ limits, toServiceError: api.toServiceError }, (message, call, wire, release, fail) => {
    api.predict(decodePredictRequest(message), call).then(
      (response) => {
        release();
        try {
          wire.finish(frame(predictResponseSize(response), (writer) => encodePredictResponse(writer, response)));
        } catch (error) {
          fail(error);
        }
      },
      (error: unknown) => {
        release();
        fail(error);
      },
    );
  });
}
