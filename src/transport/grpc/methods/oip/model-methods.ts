// GRPCInferenceService: what a model is, and whether it answers.

import type { ModelMetadataResponse_TensorMetadata as TensorMetadata } from "../../../../../generated/inference/grpc_service.ts";
import {
  ModelConfigRequest,
  ModelConfigResponse,
  ModelMetadataRequest,
  ModelMetadataResponse,
  ModelReadyRequest,
  ModelReadyResponse,
} from "../../../../../generated/inference/grpc_service.ts";
import type { ModelInput, ModelOutput } from "../../../../../generated/inference/model_config.ts";
import type { ModelsApi } from "../../../../api/models-api.ts";
import type { ServerApi } from "../../../../api/server-api.ts";
import { DTYPE_BY_NUMBER } from "../../../../tensor/dtype.ts";
import { toDatatype } from "../../codec/infer-datatype.ts";
import type { Methods } from "../../method.ts";
import { generatedUnary } from "../generated-unary.ts";
import type { SingleMessageOptions } from "../unary.ts";

/** Makes the methods. */
export function modelMethods(api: ModelsApi, serverApi: ServerApi, options: SingleMessageOptions): Methods {
  return {
    // A model that nobody knows is not ready: clients wait for models with this call.
    "/inference.GRPCInferenceService/ModelReady": generatedUnary(options, ModelReadyRequest, ModelReadyResponse, ({ name, version }) => ({
      ready: serverApi.isModelReady(name, version),
    })),
    "/inference.GRPCInferenceService/ModelMetadata": generatedUnary(
      options,
      ModelMetadataRequest,
      ModelMetadataResponse,
      ({ name, version }) => toMetadata(api, name, version),
    ),
    "/inference.GRPCInferenceService/ModelConfig": generatedUnary(
      options,
      ModelConfigRequest,
      ModelConfigResponse,
      ({ name, version }) => ({ config: api.config(name, version) }),
    ),
  };
}

function toMetadata(api: ModelsApi, name: string, version: string): ModelMetadataResponse {
  const { platform, backend, maxBatchSize, input, output } = api.config(name, version);
  const toTensor = (tensor: ModelInput | ModelOutput): TensorMetadata => toTensorMetadata(tensor, maxBatchSize > 0);
  return {
    name,
    versions: version === "" ? readyVersions(api, name) : [version],
    platform: platform === "" ? backend : platform,
    inputs: input.map(toTensor),
    outputs: output.map(toTensor),
    properties: {},
  };
}

/** Lowest first, as Triton lists them. */
function readyVersions(api: ModelsApi, name: string): string[] {
  const { versions } = api.get(name, "");
  return versions.flatMap(({ state, version }) => (state === "ready" ? [version] : [])).toReversed();
}

function toTensorMetadata({ name, dataType, dims }: ModelInput | ModelOutput, hasRows: boolean): TensorMetadata {
  const dtype = DTYPE_BY_NUMBER[dataType];
  if (dtype === undefined) throw new Error(`The signature of ${name} has no data type. This is a bug.`);
  return { name, datatype: toDatatype(dtype), shape: hasRows ? [-1n, ...dims] : dims };
}
