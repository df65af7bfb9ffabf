// The descriptor of Triton's ModelConfig, and the two ways between its reflected form and our typed one.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { ModelConfig } from "../../../generated/inference/model_config.ts";

let schema: DescMessage | undefined;

/** The descriptor, read when it is first needed from what `npm run generate` writes. */
export function configSchema(): DescMessage {
  if (schema === undefined) {
    const image = readFileSync(fileURLToPath(import.meta.resolve("#generated/image.binpb")));
    schema = createFileRegistry(fromBinary(FileDescriptorSetSchema, image)).getMessage("inference.ModelConfig");
    if (schema === undefined) throw new Error("The descriptors hold no inference.ModelConfig. This is a bug.");
  }
  return schema;
}

/** The typed form of a message of `configSchema()`. */
export function toConfig(message: Message): ModelConfig {
  return ModelConfig.decode(toBinary(configSchema(), message));
}

/** A message of `configSchema()`. */
export function fromConfig(config: ModelConfig): Message {
  return fromBinary(configSchema(), ModelConfig.encode(config).finish());
}
