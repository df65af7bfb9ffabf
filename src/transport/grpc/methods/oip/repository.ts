// GRPCInferenceService: the models of the folder, and loading and unloading them.

import type { RepositoryIndexResponse_ModelIndex as ModelIndex } from "../../../../../generated/inference/grpc_service.ts";
import {
  RepositoryIndexRequest,
  RepositoryIndexResponse,
  RepositoryModelLoadResponse,
  RepositoryModelUnloadResponse,
} from "../../../../../generated/inference/grpc_service.ts";
import type { RepositoryApi } from "../../../../api/repository-api.ts";
import { ServiceError } from "../../../../errors.ts";
import type { ModelState, ModelView } from "../../../../registry/view.ts";
import type { RepositoryChange } from "../../codec/repository-change.ts";
import { decodeRepositoryChange } from "../../codec/repository-change.ts";
import type { Methods } from "../../method.ts";
import { generatedUnary } from "../generated-unary.ts";
import type { SingleMessageOptions } from "../unary.ts";
import { assertUnloadParameters, readLoadOverride } from "./repository-parameters.ts";

/** Triton's words for our states. */
const STATES: Readonly<Record<ModelState, string>> = {
  loading: "LOADING",
  warming: "LOADING",
  ready: "READY",
  draining: "UNLOADING",
  unloaded: "UNAVAILABLE",
  failed: "UNAVAILABLE",
};

const CHANGE = { decode: decodeRepositoryChange };

/** Makes the methods. A load or unload goes on when its caller does not wait for the end. */
export function repositoryMethods(api: RepositoryApi, options: SingleMessageOptions): Methods {
  /** What is switched off says so, whatever else is wrong with the request. */
  const whileOn =
    <Request, Response>(handle: (request: Request) => Promise<Response>) =>
    async (request: Request): Promise<Response> => {
      api.assertEnabled();
      return handle(request);
    };
  return {
    "/inference.GRPCInferenceService/RepositoryIndex": generatedUnary(
      options,
      RepositoryIndexRequest,
      RepositoryIndexResponse,
      whileOn(async ({ repositoryName, ready }) => {
        if (repositoryName !== "") throw repositoryNamed();
        const models = (await api.index()).flatMap(toIndex);
        return { models: ready ? models.filter(({ state }) => state === STATES.ready) : models };
      }),
    ),
    "/inference.GRPCInferenceService/RepositoryModelLoad": generatedUnary(
      options,
      CHANGE,
      RepositoryModelLoadResponse,
      whileOn(async (request) => {
        await api.load(modelNamed(request), readLoadOverride(request.parameters));
        return {};
      }),
    ),
    "/inference.GRPCInferenceService/RepositoryModelUnload": generatedUnary(
      options,
      CHANGE,
      RepositoryModelUnloadResponse,
      whileOn(async (request) => {
        assertUnloadParameters(request.parameters);
        await api.unload(modelNamed(request));
        return {};
      }),
    ),
  };
}

/** Lowest version first. A model without any version shows why. */
function toIndex({ name, versions, problem }: ModelView): readonly ModelIndex[] {
  if (versions.length === 0) return [{ name, version: "", state: STATES.failed, reason: problem }];
  return versions.map(({ version, state, reason }) => ({ name, version, state: STATES[state], reason })).toReversed();
}

/** The model's name; some clients have it in the first field, where Triton's have the repository's. */
function modelNamed({ repositoryName, modelName }: RepositoryChange): string {
  if (modelName === "") return repositoryName;
  if (repositoryName !== "") throw repositoryNamed();
  return modelName;
}

function repositoryNamed(): ServiceError {
  const text = "'repository_name' specification is not supported";
  return new ServiceError("METHOD_OFF", text, { violations: [{ field: "repository_name", description: text }] });
}
