// PredictionService.Predict.

import type { PredictApi } from "../../../api/predict-api.ts";
import { decodePredictRequest, encodePredictResponse, predictResponseSize } from "../codec/predict-codec.ts";
import type { MethodLimits, OpenMethod } from "../method.ts";
import { unaryPrediction } from "./unary-prediction.ts";

const CODEC = { decode: decodePredictRequest, size: predictResponseSize, encode: encodePredictResponse };

/** Makes the method. */
export function predictMethod(api: PredictApi, limits: MethodLimits): OpenMethod {
  return unaryPrediction(api, limits, CODEC);
}
