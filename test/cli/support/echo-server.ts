// A server that is not predictd, made from proto files at run time, for calls by proto files.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServerDuplexStream, ServerReadableStream, ServerUnaryCall, ServerWritableStream, sendUnaryData } from "@grpc/grpc-js";
import { loadPackageDefinition, Server, ServerCredentials, status } from "@grpc/grpc-js";
import type { ServiceClientConstructor } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const FILES: Readonly<Record<string, string>> = {
  // Without a package, and its import lies in another folder.
  "echo.proto": `syntax = "proto3";
    import "kinds/v1/kinds.proto";
    import "google/protobuf/empty.proto";
    service Echo {
      rpc Say(kinds.v1.Kinds) returns (kinds.v1.Kinds);
      rpc Refuse(google.protobuf.Empty) returns (google.protobuf.Empty);
      rpc Headers(google.protobuf.Empty) returns (Names);
      rpc Count(stream Names) returns (Names);
      rpc Split(Names) returns (stream Names);
      rpc Chat(stream Names) returns (stream Names);
      rpc First(stream Names) returns (Names);
    }
    message Names { repeated string names = 1; }`,
  "include/kinds/v1/kinds.proto": `syntax = "proto3";
    package kinds.v1;
    import "google/protobuf/any.proto";
    message Kinds {
      enum Colour { COLOUR_NONE = 0; COLOUR_RED = 1; }
      message Inner { string text_value = 1; }
      bool flag = 1; string text = 2; bytes data = 3;
      int32 i32 = 4; sint64 i64 = 5; uint32 u32 = 6; fixed64 u64 = 7;
      float f32 = 8; double f64 = 9;
      Colour colour = 10; repeated Colour many_colours = 11;
      Inner inner = 12; repeated Inner inners = 13;
      map<string, Inner> by_name = 14; map<int32, string> by_number = 15; map<bool, Colour> by_flag = 16;
      oneof choice { string left = 17; Inner right = 18; }
      google.protobuf.Any any = 19;
      optional int32 maybe_1 = 20;
      repeated double list = 21;
    }`,
  // Says of Split that it gives one answer.
  "outdated.proto": `syntax = "proto3";
    service Echo { rpc Split(Names) returns (Names); }
    message Names { repeated string names = 1; }`,
  "broken.proto": `syntax = "proto3"; message {`,
  "orphan.proto": `syntax = "proto3"; import "nowhere/at/all.proto"; message A {}`,
};

type Names = { readonly names?: readonly string[] };

/** A running server and the folder of its proto files. */
export interface EchoServer {
  readonly address: string;
  readonly folder: string;
  close(): Promise<void>;
}

/** Starts the server on a free port of loopback. */
export async function startEchoServer(): Promise<EchoServer> {
  const folder = await mkdtemp(join(tmpdir(), "predictd-echo-"));
  await mkdir(join(folder, "include/kinds/v1"), { recursive: true });
  for (const [name, content] of Object.entries(FILES)) await writeFile(join(folder, name), content);
  const definition = loadSync(join(folder, "echo.proto"), { includeDirs: [join(folder, "include")] });
  const server = new Server();
  server.addService((loadPackageDefinition(definition)["Echo"] as ServiceClientConstructor).service, {
    say: (call: ServerUnaryCall<object, object>, done: sendUnaryData<object>) => done(null, call.request),
    refuse: (_: unknown, done: sendUnaryData<object>) => done({ code: status.ALREADY_EXISTS, details: "It is there." }),
    headers(call: ServerUnaryCall<object, Names>, done: sendUnaryData<Names>) {
      const own = ["x-a", "x-b-bin"].flatMap((name) => call.metadata.get(name).map((value) => `${name}=${value.toString()}`));
      done(null, { names: own });
    },
    count(call: ServerReadableStream<Names, Names>, done: sendUnaryData<Names>) {
      const names: string[] = [];
      call.on("data", (message: Names) => names.push((message.names ?? []).join("+")));
      call.on("end", () => done(null, { names }));
    },
    split(call: ServerWritableStream<Names, Names>) {
      for (const name of call.request.names ?? []) call.write({ names: [name] });
      call.end();
    },
    first(call: ServerReadableStream<Names, Names>, done: sendUnaryData<Names>) {
      call.once("data", (message: Names) => {
        call.pause();
        done(null, message);
      });
    },
    chat(call: ServerDuplexStream<Names, Names>) {
      call.on("data", (message: Names) => call.write(message));
      call.on("end", () => call.end());
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return {
    address: `127.0.0.1:${port}`,
    folder,
    async close() {
      server.forceShutdown();
      await rm(folder, { recursive: true });
    },
  };
}
