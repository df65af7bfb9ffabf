// Typed contents become up to eight times the bytes of their message: that memory is counted in the byte budget too.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { ModelStreamInferResponse } from "../../generated/inference/grpc_service.ts";
import type { App } from "../../src/app.ts";
import { createEchoBackend, echoFiles } from "../support/echo-backend.ts";
import { createModelFolder } from "../support/model-folder.ts";
import type { ModelFolder } from "../support/model-folder.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import type { RawConnection } from "../support/raw-h2.ts";
import { field, varint } from "../support/wire-fields.ts";
import { startApp } from "./start-app.ts";

const KIB = 1024;
const BUDGET = 4 * KIB * KIB;
/** Of one byte each on the wire, and of eight in memory. */
const ELEMENTS = 100 * KIB;
/** Requests that fit: each has its message and eight times as much. */
const FITTING = Math.floor(BUDGET / (9 * ELEMENTS));
const SERVICE = "/inference.GRPCInferenceService";

let gate = (): Promise<void> | undefined => undefined;
let folder: ModelFolder;
let app: App;
let connection: RawConnection;
beforeAll(async () => {
  folder = await createModelFolder(echoFiles("echo", [{ name: "X", type: "INT64", dims: [-1] }]));
  const backends = new Map([["echo", createEchoBackend(() => gate())]]);
  app = await startApp({ modelDir: folder.path, maxBufferedBytes: BUDGET, maxAdmitWaitMs: 100 }, { backends });
  connection = connectRaw(app.grpcAddress);
});
afterAll(async () => {
  connection.close();
  await app.stop();
  await folder.remove();
});

/** A message of an input of ones. */
function ones(count: number): Buffer {
  const input = [field(1, "X"), field(2, "INT64"), field(3, varint(count)), field(5, field(3, Buffer.alloc(count, 1)))];
  return frame(Buffer.concat([field(1, "echo"), field(5, Buffer.concat(input))]));
}

const infer = (body: Buffer) => connection.call(`${SERVICE}/ModelInfer`, { body }).answer;

/** A request larger than the whole budget once it is in memory gets in alone only. */
async function expectRoom(): Promise<void> {
  expect((await infer(ones(BUDGET / 8))).status.code).toBe("OK");
}

/** Holds requests in the model until `open`. */
function shut() {
  const opened = Promise.withResolvers<void>();
  let seen = 0;
  let onSeen: (() => void) | undefined;
  const see = (): void => {
    seen++;
    onSeen?.();
  };
  gate = () => {
    see();
    return opened.promise;
  };
  return {
    see,
    /** Resolves when so many requests have reached the model or were seen elsewhere. */
    whenSeen: (count: number) =>
      new Promise<void>((resolve) => {
        onSeen = () => {
          if (seen >= count) resolve();
        };
        onSeen();
      }),
    open: () => {
      gate = () => undefined;
      opened.resolve();
    },
  };
}

describe("requests of typed contents that are in memory at once", () => {
  test("ModelInfer: those for which there is no room are told when to come again", async () => {
    const count = 3 * FITTING;
    const { see, whenSeen, open } = shut();
    const answers = Array.from({ length: count }, () => infer(ones(ELEMENTS)));
    // Until the model is opened only refusals are answered.
    for (const answer of answers) void answer.then(see);
    await whenSeen(count);
    open();
    const all = await Promise.all(answers);
    const good = all.filter(({ status }) => status.code === "OK");

    expect(good.length).toBeGreaterThan(0);
    expect(good.length).toBeLessThanOrEqual(FITTING);
    for (const { status, trailersOnly } of all.filter(({ status: { code } }) => code !== "OK")) {
      expect(status).toMatchObject({ code: "RESOURCE_EXHAUSTED", reason: "BYTES_EXHAUSTED" });
      expect(status.retryDelayMs).toBeGreaterThan(0);
      expect(trailersOnly).toBe(true);
    }
    await expectRoom();
  });

  test("ModelStreamInfer: they are refused in band", async () => {
    const { whenSeen, open } = shut();
    const held: ReturnType<typeof infer>[] = [];
    while (held.length < FITTING) {
      held.push(infer(ones(ELEMENTS)));
      await whenSeen(held.length);
    }
    const { status, messages } = await connection.call(`${SERVICE}/ModelStreamInfer`, { body: ones(ELEMENTS) }).answer;
    open();

    expect(status.code).toBe("OK");
    expect(messages.map((message) => ModelStreamInferResponse.decode(message))).toMatchObject([
      {
        errorMessage: expect.stringContaining("as many message bytes as it may"),
        inferResponse: { parameters: { error_reason: { parameterChoice: { value: "BYTES_EXHAUSTED" } } } },
      },
    ]);
    expect((await Promise.all(held)).map((answer) => answer.status.code)).toEqual(held.map(() => "OK"));
    await expectRoom();
  });

  test("small ones find room whatever else is there", async () => {
    const { whenSeen, open } = shut();
    const answers = [infer(ones(Math.floor(BUDGET / 9)))];
    await whenSeen(1);
    for (let i = 0; i < 10; i++) answers.push(infer(ones(1000)));
    await whenSeen(11);
    open();

    expect((await Promise.all(answers)).map(({ status }) => status.code)).toEqual(answers.map(() => "OK"));
    await expectRoom();
  });
});
