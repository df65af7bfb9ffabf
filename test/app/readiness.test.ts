// Health, ServerReady and ModelReady say the same about a model and the server at every moment.

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";

import type { App } from "../../src/app.ts";
import { connectOip } from "../contract/oip-service.ts";
import type { OipClient } from "../contract/oip-service.ts";
import { createClients } from "../support/clients.ts";
import type { Clients } from "../support/clients.ts";
import { createEchoBackend, echoFiles } from "../support/echo-backend.ts";
import { createModelFolder } from "../support/model-folder.ts";
import type { ModelFolder } from "../support/model-folder.ts";
import { startApp } from "./start-app.ts";

const SERVICE = "inference.GRPCInferenceService";
const TENSOR = { name: "X", type: "FP32", dims: [1] };

let folder: ModelFolder;
let app: App;
let oip: OipClient;
let clients: Clients;
beforeAll(async () => {
  // Nothing keeps a model from being called like a service.
  folder = await createModelFolder({ ...echoFiles("plain", [TENSOR]), ...echoFiles(SERVICE, [TENSOR]), ...echoFiles("leaving", [TENSOR]) });
  const flags = { modelDir: folder.path, modelControl: "explicit", loadModels: "*", drainDelayMs: 1000 };
  app = await startApp(flags, { backends: new Map([["echo", createEchoBackend()]]) });
  oip = connectOip(app.grpcAddress);
  clients = createClients(app.grpcAddress);
});
afterAll(async () => {
  oip.close();
  clients.close();
  await app.stop();
  await folder.remove();
});

async function verdicts(model: string): Promise<readonly unknown[]> {
  const { ready: server } = await oip.ask("serverReady");
  const { ready } = await oip.ask("modelReady", { name: model });
  const { ready: version } = await oip.ask("modelReady", { name: model, version: "1" });
  return [server, await clients.check(""), await clients.check(SERVICE), ready, version, await clients.check(model)];
}

test("while a model is loaded, unloaded and loaded again", async () => {
  const ready = [true, "SERVING", "SERVING", true, true, "SERVING"];
  expect(await verdicts("plain")).toEqual(ready);
  await oip.ask("repositoryModelUnload", { modelName: "plain" });
  expect(await verdicts("plain")).toEqual([true, "SERVING", "SERVING", false, false, "NOT_SERVING"]);
  await oip.ask("repositoryModelLoad", { modelName: "plain" });
  expect(await verdicts("plain")).toEqual(ready);
});

test("a model that is called like a service does not change what is said of the service", async () => {
  const seen: number[] = [];
  const watch = clients.health.watch({ service: SERVICE });
  const first = new Promise<void>((resolve) => watch.once("data", () => resolve()));
  watch.on("data", ({ status }: { readonly status: number }) => seen.push(status));
  watch.on("error", () => {});
  await first;
  await oip.ask("repositoryModelUnload", { modelName: SERVICE });
  expect(await oip.ask("modelReady", { name: SERVICE })).toEqual({ ready: false });
  await oip.ask("repositoryModelLoad", { modelName: SERVICE });
  expect(await oip.ask("modelReady", { name: SERVICE })).toEqual({ ready: true });
  watch.cancel();

  expect(seen).toEqual([1]);
});

test("a model that is gone is unknown to health too, and whoever watches it is told", async () => {
  const seen: number[] = [];
  const watch = clients.health.watch({ service: "leaving" });
  const told = new Promise<void>((resolve) =>
    watch.on("data", ({ status }: { readonly status: number }) => {
      if (seen.push(status) === 3) resolve();
    }),
  );
  watch.on("error", () => {});
  expect(await clients.check("leaving")).toBe("SERVING");
  await oip.ask("repositoryModelUnload", { modelName: "leaving" });
  await rm(join(folder.path, "leaving"), { recursive: true });
  expect(await clients.check("leaving")).toBe("NOT_SERVING");
  await oip.ask("repositoryIndex");
  expect(await oip.refusal("modelMetadata", { name: "leaving" })).toMatchObject({ reason: "MODEL_NOT_FOUND" });
  expect(await clients.check("leaving")).toBe("NOT_FOUND");
  await told;
  watch.cancel();

  expect(seen).toEqual([1, 2, 3]);
});

test("a model that never came to be is unknown to health too", async () => {
  const config = { parameterChoice: { $case: "stringParam", value: '{"backend":"echo"}' } } as const;
  const file = { parameterChoice: { $case: "bytesParam", value: Buffer.from("no model") } } as const;
  const parameters = { config, "file:1/notes.txt": file };
  expect(await oip.refusal("repositoryModelLoad", { modelName: "never", parameters })).toMatchObject({ code: "FAILED_PRECONDITION" });

  expect(await oip.refusal("modelMetadata", { name: "never" })).toMatchObject({ reason: "MODEL_NOT_FOUND" });
  expect(await clients.check("never")).toBe("NOT_FOUND");
});

test("a server that leaves says of its models too that they are not ready, while it still answers", async () => {
  const stopped = app.stop();

  expect(await verdicts("plain")).toEqual([false, "NOT_SERVING", "NOT_SERVING", false, false, "NOT_SERVING"]);
  expect(await oip.ask("modelReady", { name: "nobody" })).toEqual({ ready: false });
  expect(await oip.ask("serverLive")).toEqual({ live: true });
  expect(await stopped).toBe(true);
});
