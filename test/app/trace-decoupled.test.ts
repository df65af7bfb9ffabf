// A request that a decoupled model answers many times is one request to tracing, not many.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";

import { connectOip } from "../contract/oip-service.ts";
import { createModelFolder } from "../support/model-folder.ts";
import { createOipClient, inferRequest, int32Input } from "../support/oip-client.ts";
import { createRepeatBackend, END_EMPTY, REPEAT_FILES } from "../support/repeat-backend.ts";
import { startApp } from "./start-app.ts";

test("each request is traced once, with its last response", async () => {
  const folder = await createModelFolder(REPEAT_FILES);
  const traceFile = join(folder.path, "trace.json");
  const app = await startApp({ modelDir: folder.path, traceFile }, { backends: new Map([["repeat", createRepeatBackend()]]) });
  const client = createOipClient(app.grpcAddress);
  const settings = connectOip(app.grpcAddress);
  const changes = { trace_level: { value: ["TIMESTAMPS"] }, trace_rate: { value: ["1"] }, trace_count: { value: ["3"] } };
  await settings.ask("traceSetting", { settings: changes });
  const stream = client.stream();
  stream.send(inferRequest("repeat", "many", [int32Input("IN", [...Array(100).keys()])]));
  stream.send(inferRequest("repeat", "one", [int32Input("IN", [1])]));
  stream.send(inferRequest("repeat", "late end", [int32Input("IN", [1, 2, END_EMPTY])]));
  expect(await stream.end()).toBeUndefined();
  settings.close();
  client.close();
  await app.stop();

  const trace = JSON.parse(await readFile(traceFile, "utf8")) as readonly Readonly<Record<string, unknown>>[];
  expect(new Set(trace.flatMap(({ request_id }) => request_id ?? []))).toEqual(new Set(["late end", "many", "one"]));
  await folder.remove();
});
