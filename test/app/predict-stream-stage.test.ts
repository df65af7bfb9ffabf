// A deadline that ends a PredictStream names the stage of the chunk that the stream waits for.

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { PredictStreamRequest } from "../../generated/predictd/v1/prediction.ts";
import type { App } from "../../src/app.ts";
import type { Stage } from "../../src/call.ts";
import type { Backend } from "../../src/engine/backend.ts";
import { request } from "../support/clients.ts";
import { echoFiles } from "../support/echo-backend.ts";
import { createModelFolder } from "../support/model-folder.ts";
import type { ModelFolder } from "../support/model-folder.ts";
import { IDLE_ENGINE, instantResult, plainModel } from "../support/plain-model.ts";
import type { RawConnection } from "../support/raw-h2.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import { fp32 } from "../support/wire-tensors.ts";
import { startApp } from "./start-app.ts";

const released = Promise.withResolvers<void>();

/** Row r stands at `stages[r]` until the test ends, whatever becomes of its call, so that only the stream's own deadline can end it. */
const stages: readonly Stage[] = ["run", "queue", "batch"];
const backend: Backend = {
  canBeDecoupled: false,
  explainFailure: String,
  load: (options) => {
    let count = 0;
    return Promise.resolve(
      plainModel(
        {
          ...IDLE_ENGINE,
          async submit({ inputs }, call) {
            call.stage = stages[count++]!;
            await released.promise;
            return instantResult(inputs);
          },
        },
        options,
      ),
    );
  },
};

let folder: ModelFolder;
let app: App;
let connection: RawConnection;
beforeAll(async () => {
  folder = await createModelFolder(echoFiles("held", [{ name: "X", type: "FP32", dims: [1] }], 1));
  app = await startApp({ modelDir: folder.path }, { backends: new Map([["echo", backend]]) });
  connection = connectRaw(app.grpcAddress);
});
afterAll(async () => {
  released.resolve();
  connection?.close();
  await app?.stop();
  await folder?.remove();
});

test("the oldest of the open chunks is named", async () => {
  const body = frame(PredictStreamRequest.encode({ request: request("held", [fp32("X", [3, 1], [1, 2, 3])]), chunkRows: 1 }).finish());
  // A client that enforces nothing itself, so that the answer is the server's.
  const { answer } = connection.call("/predictd.v1.PredictionService/PredictStream", { headers: { "grpc-timeout": "400m" }, body });
  const { messages, status } = await answer;
  expect(messages).toEqual([]);
  expect(status).toMatchObject({ code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED", metadata: { stage: "run" } });
  expect(status.message).toContain("run");
});
