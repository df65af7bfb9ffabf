// Maps in requests of inference.GRPCInferenceService that are not hot: any key, entries without a value, and more of them than anybody needs.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { TraceSettingResponse } from "../../generated/inference/grpc_service.ts";
import { double } from "../support/models.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import type { RawConnection } from "../support/raw-h2.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { entry, field, numberField } from "../support/wire-fields.ts";

/** Each method, the field that is its map, a value for it, and the rest of a good request. */
const METHODS: readonly (readonly [method: string, map: number, value: Buffer, rest: Buffer])[] = [
  ["TraceSetting", 1, field(1, "1"), Buffer.alloc(0)],
  ["LogSettings", 1, numberField(1, 1), Buffer.alloc(0)],
  ["RepositoryModelLoad", 3, numberField(1, 1), field(2, "double")],
  ["RepositoryModelUnload", 3, numberField(1, 1), field(2, "double")],
];

let server: TestServer;
let connection: RawConnection;
beforeAll(async () => {
  server = await startServer({ models: { "double.onnx": double() }, flags: ["--model-control", "explicit", "--load-models", "*"] });
  connection = connectRaw(server.address);
});
afterAll(async () => {
  connection?.close();
  await server?.stop();
});

const answerTo = (method: string, message: Buffer) =>
  connection.call(`/inference.GRPCInferenceService/${method}`, { body: frame(message) }).answer;

async function rateAfter(message: Buffer): Promise<readonly string[] | undefined> {
  return TraceSettingResponse.decode((await answerTo("TraceSetting", message)).messages[0]!).settings["trace_rate"]?.value;
}

describe.each(METHODS)("%s", (method, map, value, rest) => {
  test.each(["__proto__", "constructor", "toString", "hasOwnProperty"])("the key %s is a key like any other", async (key) => {
    const { status, trailersOnly } = await answerTo(method, Buffer.concat([rest, entry(map, key, value)]));

    expect(status).toMatchObject({ code: "INVALID_ARGUMENT", reason: "PARAMETER_INVALID" });
    expect(status.message).toContain(key);
    expect(trailersOnly).toBe(true);
  });

  test("an entry without a value is an entry", async () => {
    const { status } = await answerTo(method, Buffer.concat([rest, entry(map, "colour")]));

    expect(status).toMatchObject({ code: "INVALID_ARGUMENT", reason: "PARAMETER_INVALID" });
    expect(status.message).toContain("colour");
  });

  test.each([
    ["different keys", (i: number) => i.toString(36)],
    ["one key", () => "colour"],
  ])("100,000 entries of %s are refused before anything is made of them", async (_what, keyOf) => {
    const entries = Array.from({ length: 100_000 }, (_, i) => entry(map, keyOf(i), value));
    const { status } = await answerTo(method, Buffer.concat([rest, ...entries]));

    expect(status).toMatchObject({ code: "INVALID_ARGUMENT", reason: "MESSAGE_MALFORMED" });
    expect(status.message).toContain("entries");
  });
});

test("a setting of a million texts is refused before anything is made of them", async () => {
  const { status } = await answerTo("TraceSetting", entry(1, "trace_level", Buffer.alloc(2_000_000, field(1, ""))));

  expect(status).toMatchObject({ code: "INVALID_ARGUMENT", reason: "MESSAGE_MALFORMED" });
});

test("a client that leaves empty values out of maps takes a trace setting back too", async () => {
  expect(await rateAfter(entry(1, "trace_rate", field(1, "5")))).toEqual(["5"]);
  expect(await rateAfter(entry(1, "trace_rate"))).toEqual(["1000"]);
});

test("the model still serves", async () => {
  expect(await server.check("double")).toBe("SERVING");
});
