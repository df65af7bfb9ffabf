// GRPCInferenceService: what the server is.

import {
  ServerLiveRequest,
  ServerLiveResponse,
  ServerMetadataRequest,
  ServerMetadataResponse,
  ServerReadyRequest,
  ServerReadyResponse,
} from "../../../../../generated/inference/grpc_service.ts";
import type { ServerApi } from "../../../../api/server-api.ts";
import type { Methods } from "../../method.ts";
import { generatedUnary } from "../generated-unary.ts";
import type { SingleMessageOptions } from "../unary.ts";

/** Makes the methods. */
export function serverMethods(api: ServerApi, options: SingleMessageOptions): Methods {
  const { name, version, extensions } = api.metadata;
  return {
    "/inference.GRPCInferenceService/ServerLive": generatedUnary(options, ServerLiveRequest, ServerLiveResponse, () => ({ live: true })),
    "/inference.GRPCInferenceService/ServerReady": generatedUnary(options, ServerReadyRequest, ServerReadyResponse, () => ({
      ready: api.isReady(),
    })),
    "/inference.GRPCInferenceService/ServerMetadata": generatedUnary(options, ServerMetadataRequest, ServerMetadataResponse, () => ({
      name,
      version,
      extensions: [...extensions],
    })),
  };
}
