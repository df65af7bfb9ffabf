// Server reflection, v1 and v1alpha, from the descriptors that `npm run generate` writes.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import type * as grpc from "@grpc/grpc-js";
import type { PackageDefinition } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";

/** Paths that grpc-js answers itself. */
export const REFLECTION_PATHS: ReadonlySet<string> = new Set([
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
  "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
]);

/** Adds reflection to a server. */
export function addReflection(server: grpc.Server): void {
  // proto-loader's own way from a descriptor set loses the imports between files; handing it the raw descriptors keeps them.
  const definition = { descriptors: { format: "", type: {}, fileDescriptorProtos: readFileDescriptors() } };
  new ReflectionService(definition as unknown as PackageDefinition).addToServer(server);
}

/** The FileDescriptorProtos of a FileDescriptorSet: its field 1, undecoded. */
function readFileDescriptors(): Buffer[] {
  const reader = new BinaryReader(readFileSync(fileURLToPath(import.meta.resolve("#generated/image.binpb"))));
  const files: Buffer[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) files.push(Buffer.from(reader.bytes()));
    else reader.skip(wireType);
  }
  return files;
}
