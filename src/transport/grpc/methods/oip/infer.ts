// GRPCInferenceService.ModelInfer.

import type { PredictApi } from "../../../../api/predict-api.ts";
import type { PredictRequest } from "../../../../predict/request.ts";
import { decodeInferRequest } from "../../codec/infer-request-codec.ts";
import { encodeInferResponse, inferResponseSize } from "../../codec/infer-response-codec.ts";
import type { MethodLimits, OpenMethod } from "../../method.ts";
import { unaryPrediction } from "../unary-prediction.ts";

/** An empty final message is for streams; wishing for one here does nothing. */
const decode = (message: Buffer): PredictRequest => decodeInferRequest(message).request;

const CODEC = { decode, size: inferResponseSize, encode: encodeInferResponse };

/** Makes the method. */
export function inferMethod(api: PredictApi, limits: MethodLimits): OpenMethod {
  return unaryPrediction(api, limits, CODEC);
}
