// inference.GRPCInferenceService: the Open Inference Protocol with Triton's extensions.

import type { ModelsApi } from "../../../../api/models-api.ts";
import type { PredictApi } from "../../../../api/predict-api.ts";
import type { RepositoryApi } from "../../../../api/repository-api.ts";
import type { ServerApi } from "../../../../api/server-api.ts";
import type { Methods } from "../../method.ts";
import type { SingleMessageOptions } from "../unary.ts";
import { inferMethod } from "./infer.ts";
import { modelMethods } from "./model-methods.ts";
import { repositoryMethods } from "./repository.ts";
import { serverMethods } from "./server-methods.ts";
import { settingMethods } from "./settings.ts";
import { sharedMemoryMethods } from "./shared-memory.ts";
import { statisticsMethods } from "./statistics.ts";
import { streamInferMethod } from "./stream-infer.ts";

/** The surfaces that the methods stand on. */
export interface OipMethodsOptions {
  readonly predictApi: PredictApi;
  readonly modelsApi: ModelsApi;
  readonly repositoryApi: RepositoryApi;
  readonly serverApi: ServerApi;
  /** What methods with one message in have in common. */
  readonly single: SingleMessageOptions;
}

/** Makes the methods. */
export function oipMethods({ predictApi, modelsApi, repositoryApi, serverApi, single }: OipMethodsOptions): Methods {
  return {
    "/inference.GRPCInferenceService/ModelInfer": inferMethod(predictApi, single.limits),
    "/inference.GRPCInferenceService/ModelStreamInfer": streamInferMethod(predictApi, single.limits),
    ...serverMethods(serverApi, single),
    ...modelMethods(modelsApi, serverApi, single),
    ...statisticsMethods(modelsApi, single),
    ...repositoryMethods(repositoryApi, single),
    ...settingMethods(serverApi, single),
    ...sharedMemoryMethods(single),
  };
}
