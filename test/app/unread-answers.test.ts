// Answers that streams hold, because nobody reads them or because others go first, are memory too: they count in the byte budget.

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { ModelInferRequest, ModelStreamInferResponse } from "../../generated/inference/grpc_service.ts";
import type { App } from "../../src/app.ts";
import { createEchoBackend, echoFiles } from "../support/echo-backend.ts";
import { createModelFolder } from "../support/model-folder.ts";
import type { ModelFolder } from "../support/model-folder.ts";
import { createOipClient, inferRequest, int32Input } from "../support/oip-client.ts";
import type { OipClient, RawInput } from "../support/oip-client.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import type { RawCall, RawConnection } from "../support/raw-h2.ts";
import { startApp } from "./start-app.ts";

const MIB = 1024 * 1024;
const BUDGET_MIB = 16;
const STREAMS = 60;
const LARGE = int32Input("X", Array<number>(MIB / 4).fill(7));
const SMALL = int32Input("X", [1]);
const FIRST = int32Input("X", [1, 2]);

/** Large requests that the model has answered. */
let answered = 0;
let first: PromiseWithResolvers<void> | undefined;
let folder: ModelFolder;
let app: App;
let client: OipClient;
const connections: RawConnection[] = [];
beforeAll(async () => {
  folder = await createModelFolder(echoFiles("echo", [{ name: "X", type: "INT32", dims: [-1] }]));
  const backend = createEchoBackend(({ inputs: [input] }) => {
    if (input?.bytes.byteLength === LARGE.bytes.byteLength) answered++;
    return input?.bytes.byteLength === FIRST.bytes.byteLength ? first?.promise : undefined;
  });
  app = await startApp({ modelDir: folder.path, maxBufferedBytes: BUDGET_MIB * MIB }, { backends: new Map([["echo", backend]]) });
  client = createOipClient(app.grpcAddress);
});
afterAll(async () => {
  client.close();
  for (const connection of connections) connection.close();
  await app.stop();
  await folder.remove();
});

/** Waits until a while of small requests brings no more large ones to the model. */
async function whenQuiet(): Promise<void> {
  for (let seen = -1; seen !== answered;) {
    seen = answered;
    for (let i = 0; i < 30; i++) expect((await client.infer(inferRequest("echo", "", [SMALL]))).failure).toBeUndefined();
  }
}

/** Opens streams one after the other, each with a request of its own before the large one. */
async function open(before: RawInput, onOpen: (call: RawCall) => void): Promise<readonly RawCall[]> {
  answered = 0;
  const requests = [inferRequest("echo", "", [before]), inferRequest("echo", "large", [LARGE])];
  const body = Buffer.concat(requests.map((request) => frame(ModelInferRequest.encode(request).finish())));
  const calls: RawCall[] = [];
  for (let i = 0; i < STREAMS; i++) {
    // What a stream leaves unread would stop others on its connection.
    const connection = connectRaw(app.grpcAddress);
    connections.push(connection);
    const call = connection.call("/inference.GRPCInferenceService/ModelStreamInfer", { body });
    onOpen(call);
    calls.push(call);
    await whenQuiet();
  }
  return calls;
}

async function expectAll(calls: readonly RawCall[]): Promise<void> {
  for (const { answer } of calls) {
    const { status, messages } = await answer;
    expect(status.code).toBe("OK");
    const answers = messages.map((bytes) => ModelStreamInferResponse.decode(bytes));
    expect(answers.map(({ errorMessage, inferResponse }) => [errorMessage, inferResponse?.id])).toEqual([
      ["", ""],
      ["", "large"],
    ]);
    expect(answers[1]?.inferResponse?.rawOutputContents[0]?.byteLength).toBe(MIB);
  }
  expect(answered).toBe(STREAMS);
}

test("streams that nobody reads stop all together, and go on when they are read", async () => {
  const calls = await open(SMALL, ({ stream }) => stream.pause());
  // What is in the budget has been answered, and what was in flight when it was full.
  expect(answered).toBeLessThan(2 * BUDGET_MIB);

  for (const { stream } of calls) stream.resume();
  await expectAll(calls);
});

test("streams whose answers wait for their turn stop all together, and go on when their turn has come", async () => {
  first = Promise.withResolvers();
  const calls = await open(FIRST, () => {});
  expect(answered).toBeLessThan(2 * BUDGET_MIB);

  first.resolve();
  await expectAll(calls);
});
