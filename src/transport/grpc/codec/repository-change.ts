// inference.RepositoryModelLoadRequest and RepositoryModelUnloadRequest, whose fields are the same.

import { ModelRepositoryParameter } from "../../../../generated/inference/grpc_service.ts";
import { MapField } from "./map-field.ts";
import { Reader } from "./reader.ts";

/** A decoded request. */
export interface RepositoryChange {
  readonly repositoryName: string;
  readonly modelName: string;
  /** Bytes are views of the message. Undefined for a parameter without a value. */
  readonly parameters: ReadonlyMap<string, ModelRepositoryParameter["parameterChoice"]>;
}

/** Reads a request. @throws Error. */
export function decodeRepositoryChange(buffer: Buffer): RepositoryChange {
  const reader = new Reader(buffer);
  const parameters = new MapField((bytes) => ModelRepositoryParameter.decode(bytes).parameterChoice);
  let repositoryName = "";
  let modelName = "";
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x0a) repositoryName = reader.string();
    else if (tag === 0x12) modelName = reader.string();
    else if (tag === 0x1a) parameters.read(reader);
    else reader.skip(tag);
  }
  return { repositoryName, modelName, parameters: parameters.values };
}
