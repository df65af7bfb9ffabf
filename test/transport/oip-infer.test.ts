// ModelInfer: bytes come back as they went in, and models that it cannot carry are refused.

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import type { App } from "../../src/app.ts";
import { startApp } from "../app/start-app.ts";
import { createEchoBackend, echoFiles } from "../support/echo-backend.ts";
import { createModelFolder } from "../support/model-folder.ts";
import type { ModelFolder } from "../support/model-folder.ts";
import { boolParameter, createOipClient, inferRequest, int32Input } from "../support/oip-client.ts";
import type { OipClient, RawInput } from "../support/oip-client.ts";
import { createRepeatBackend, REPEAT_FILES } from "../support/repeat-backend.ts";

const LONG = 100_000;

/** Length-prefixed elements. */
function bytesElements(...elements: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(elements.flatMap((element) => [new Uint8Array(Uint32Array.of(element.length).buffer), element]));
}

const CASES: readonly RawInput[] = [
  { name: "FP16", datatype: "FP16", shape: [4], bytes: Uint8Array.of(0x01, 0x00, 0xff, 0x7b, 0x00, 0xfc, 0x01, 0x7e) },
  { name: "BF16", datatype: "BF16", shape: [4], bytes: Uint8Array.of(0x01, 0x00, 0x80, 0x3f, 0x80, 0xff, 0xc1, 0x7f) },
  {
    name: "INT64",
    datatype: "INT64",
    shape: [3],
    bytes: new Uint8Array(BigInt64Array.of(2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n).buffer),
  },
  { name: "UINT64", datatype: "UINT64", shape: [2], bytes: new Uint8Array(BigUint64Array.of(2n ** 64n - 1n, 2n ** 53n + 1n).buffer) },
  {
    name: "STRING",
    datatype: "BYTES",
    shape: [4],
    bytes: bytesElements(Uint8Array.of(), Uint8Array.of(0, 255, 128, 10), Buffer.from("ä€😀"), Buffer.alloc(LONG, 0xfe)),
  },
];

let folder: ModelFolder;
let app: App;
let client: OipClient;
beforeAll(async () => {
  const echo = CASES.map(({ name, shape }) => ({ name, type: name, dims: shape.map(() => -1) }));
  folder = await createModelFolder({ ...echoFiles("echo", echo), ...REPEAT_FILES });
  const backends = new Map([
    ["echo", createEchoBackend()],
    ["repeat", createRepeatBackend()],
  ]);
  app = await startApp({ modelDir: folder.path }, { backends });
  client = createOipClient(app.grpcAddress);
});
afterAll(async () => {
  client.close();
  await app.stop();
  await folder.remove();
});

test("2. BYTES, FP16, BF16, INT64 and UINT64 come back bit-exact", async () => {
  const { response, failure } = await client.infer(inferRequest("echo", "exact", CASES));

  expect(failure).toBeUndefined();
  expect(response?.outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.map(Number) }))).toEqual(
    CASES.map(({ name, datatype, shape }) => ({ name: `${name}_OUT`, datatype, shape })),
  );
  response?.rawOutputContents.forEach((bytes, i) => expect(Buffer.compare(bytes, CASES[i]!.bytes)).toBe(0));
  expect(response?.rawOutputContents).toHaveLength(CASES.length);
});

test("7. a decoupled model is refused with UNIMPLEMENTED", async () => {
  const { failure } = await client.infer(inferRequest("repeat", "", [int32Input("IN", [1])]));

  expect(failure).toMatchObject({
    code: "UNIMPLEMENTED",
    reason: "MODEL_DECOUPLED",
    message: "ModelInfer RPC doesn't support models with decoupled transaction policy",
  });
});

test("13. the wish for an empty final message is accepted and does nothing; another triton_ key is refused", async () => {
  const parameters = { triton_enable_empty_final_response: boolParameter(true) };
  const good = await client.infer(inferRequest("echo", "", CASES, { parameters }));
  const bad = await client.infer(inferRequest("echo", "", CASES, { parameters: { triton_other: boolParameter(true) } }));

  expect(good.failure).toBeUndefined();
  expect(good.response?.parameters).toEqual({});
  expect(bad.failure).toMatchObject({ code: "INVALID_ARGUMENT", reason: "PARAMETER_INVALID" });
});
