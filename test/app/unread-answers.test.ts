// Answers that streams hold, because nobody reads them or because others go first, are memory too: they count in the byte budget.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

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

const KIB = 1024;
const BUDGET = 16 * KIB * KIB;
/** What all streams together ask for. */
const TOTAL = 4 * BUDGET;
/** Streams that are opened at once. */
const GROUP = 8;
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
    if (input!.bytes.byteLength > FIRST.bytes.byteLength) answered++;
    return input!.bytes.byteLength === FIRST.bytes.byteLength ? first?.promise : undefined;
  });
  app = await startApp({ modelDir: folder.path, maxBufferedBytes: BUDGET }, { backends: new Map([["echo", backend]]) });
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

/** Opens streams, each with a request of its own before one whose answer has this size. */
async function open(before: RawInput, bytes: number, onOpen: (call: RawCall) => void): Promise<readonly RawCall[]> {
  answered = 0;
  const large = int32Input("X", Array<number>(bytes / 4).fill(7));
  const requests = [inferRequest("echo", "", [before]), inferRequest("echo", "large", [large])];
  const body = Buffer.concat(requests.map((request) => frame(ModelInferRequest.encode(request).finish())));
  const calls: RawCall[] = [];
  while (calls.length * bytes < TOTAL) {
    // What a stream leaves unread would stop others on its connection.
    const connection = connectRaw(app.grpcAddress);
    connections.push(connection);
    const call = connection.call("/inference.GRPCInferenceService/ModelStreamInfer", { body });
    onOpen(call);
    calls.push(call);
    if (calls.length % GROUP === 0) await whenQuiet();
  }
  return calls;
}

async function expectAll(calls: readonly RawCall[], bytes: number): Promise<void> {
  for (const { answer } of calls) {
    const { status, messages } = await answer;
    expect(status.code).toBe("OK");
    const answers = messages.map((message) => ModelStreamInferResponse.decode(message));
    expect(answers.map(({ errorMessage, inferResponse }) => [errorMessage, inferResponse?.id])).toEqual([
      ["", ""],
      ["", "large"],
    ]);
    expect(answers[1]?.inferResponse?.rawOutputContents[0]?.byteLength).toBe(bytes);
  }
  expect(answered).toBe(calls.length);
}

describe.each([1024 * KIB, 256 * KIB])("with answers of %d bytes", (bytes) => {
  test("streams that nobody reads stop all together, and go on when they are read", async () => {
    const calls = await open(SMALL, bytes, ({ stream }) => stream.pause());
    // What is in the budget has been answered, and what was in flight when it was full.
    expect(answered * bytes).toBeLessThan(2 * BUDGET);

    for (const { stream } of calls) stream.resume();
    await expectAll(calls, bytes);
  });

  test("streams whose answers wait for their turn stop all together, and go on when their turn has come", async () => {
    first = Promise.withResolvers();
    const calls = await open(FIRST, bytes, () => {});
    expect(answered * bytes).toBeLessThan(2 * BUDGET);

    first.resolve();
    await expectAll(calls, bytes);
  });
});
