// Reflection, v1 and v1alpha: a client that knows nothing finds every service and can read every message.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import { BinaryReader } from "@bufbuild/protobuf/wire";
import { credentials, loadPackageDefinition } from "@grpc/grpc-js";
import type { ClientDuplexStream, ServiceClientConstructor } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { identity } from "../support/models.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";

const PROTOS = join(dirname(createRequire(import.meta.url).resolve("@grpc/reflection/package.json")), "build/proto");
const SERVICES = ["grpc.health.v1.Health", "predictd.v1.ModelService", "predictd.v1.PredictionService"];

interface Answer {
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] };
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: readonly Uint8Array[] };
  readonly errorResponse?: { readonly errorCode: number };
}

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ models: { "floats.onnx": identity("float") } });
});
afterAll(() => server?.stop());

describe.each(["v1", "v1alpha"])("%s", (version) => {
  async function ask(question: object): Promise<Answer> {
    const definition = loadSync(join(PROTOS, `grpc/reflection/${version}/reflection.proto`));
    const name = `grpc.reflection.${version}.ServerReflection`;
    const found = name.split(".").reduce((scope, part) => scope[part] as never, loadPackageDefinition(definition));
    const client = new (found as unknown as ServiceClientConstructor)(server.address, credentials.createInsecure());
    const call = client["serverReflectionInfo"]!.bind(client)() as ClientDuplexStream<object, Answer>;
    try {
      return await new Promise((resolve, reject) => {
        call.on("data", resolve);
        call.on("error", reject);
        call.write(question);
        call.end();
      });
    } finally {
      client.close();
    }
  }

  test("lists the services", async () => {
    const answer = await ask({ listServices: "*" });

    expect(answer.listServicesResponse?.service.map(({ name }) => name)).toEqual(expect.arrayContaining(SERVICES));
  });

  test.each([...SERVICES, "predictd.v1.PredictionService.Predict", "predictd.v1.PredictRequest", "google.rpc.Status"])(
    "resolves %s",
    async (symbol) => {
      const answer = await ask({ fileContainingSymbol: symbol });
      const files = answer.fileDescriptorResponse?.fileDescriptorProto ?? [];

      expect(files.map(fileName)).toContain(fileOf(symbol));
    },
  );

  test("gives the files that a file imports", async () => {
    const answer = await ask({ fileByFilename: "predictd/v1/tensor.proto" });

    expect(answer.fileDescriptorResponse?.fileDescriptorProto.map(fileName)).toContain("predictd/v1/tensor.proto");
  });

  test("says that a symbol is unknown", async () => {
    expect((await ask({ fileContainingSymbol: "nobody.Nothing" })).errorResponse?.errorCode).toBe(5);
  });
});

test("a question larger than any that makes sense is refused before its bytes are taken in", async () => {
  const connection = connectRaw(server.address);
  const { answer } = connection.call("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", {
    body: frame(Buffer.alloc(10), { length: 1024 * 1024 }),
    end: false,
  });

  expect((await answer).status.code).toBe("RESOURCE_EXHAUSTED");
  connection.close();
});

/** FileDescriptorProto.name is field 1. */
function fileName(descriptor: Uint8Array): string {
  const reader = new BinaryReader(descriptor);
  reader.tag();
  return reader.string();
}

function fileOf(symbol: string): string {
  if (symbol.startsWith("grpc.health")) return "grpc/health/v1/health.proto";
  if (symbol.startsWith("google.rpc")) return "google/rpc/status.proto";
  return symbol.includes("ModelService") ? "predictd/v1/model.proto" : "predictd/v1/prediction.proto";
}
