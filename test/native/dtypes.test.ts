// Every data type goes through server, worker and model and comes back bit by bit.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { request } from "../support/clients.ts";
import { WAYS } from "../support/ways.ts";
import type { Way } from "../support/ways.ts";
import { identity } from "../support/models.ts";
import type { OnnxType } from "../support/onnx/types.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { raw, text } from "../support/wire-tensors.ts";
import type { RawType } from "../support/wire-tensors.ts";

const COLUMNS = 4;

/** Model type by wire type, with four elements a row: the awkward ones first. */
const TYPES: Readonly<Record<RawType, { readonly onnx: OnnxType; readonly bytes: Uint8Array }>> = {
  BOOL: { onnx: "bool", bytes: Uint8Array.of(0, 1, 1, 0) },
  UINT8: { onnx: "uint8", bytes: everyByte() },
  INT8: { onnx: "int8", bytes: everyByte() },
  UINT16: { onnx: "uint16", bytes: everyByte() },
  INT16: { onnx: "int16", bytes: everyByte() },
  UINT32: { onnx: "uint32", bytes: everyByte() },
  INT32: { onnx: "int32", bytes: everyByte() },
  UINT64: { onnx: "uint64", bytes: bytesOf(BigUint64Array.of(0n, 2n ** 64n - 1n, 2n ** 53n + 1n, 2n ** 63n)) },
  INT64: { onnx: "int64", bytes: bytesOf(BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n, -1n)) },
  // Quiet and signalling NaN with payload, infinities, negative zero, the smallest and largest denormal, the largest number, one.
  FP16: { onnx: "float16", bytes: bytesOf(Uint16Array.of(0x7e2a, 0xfd01, 0x7c00, 0xfc00, 0x8000, 0x0001, 0x03ff, 0x7bff)) },
  FP32: {
    onnx: "float",
    bytes: bytesOf(Uint32Array.of(0x7fc0002a, 0xffa00001, 0x7f800000, 0xff800000, 0x80000000, 1, 0x007fffff, 0x7f7fffff)),
  },
  FP64: {
    onnx: "double",
    bytes: bytesOf(
      BigUint64Array.of(
        0x7ff800000000002an,
        0xfff4000000000001n,
        0x7ff0000000000000n,
        1n << 63n,
        1n,
        0x7fefffffffffffffn,
        0n,
        0x3ff0000000000000n,
      ),
    ),
  },
};
const TEXTS = ["", "plain", "Grüße, 日本語", "👩‍👩‍👧 emoji", "\ud7ff\ue000\uffff\u{10ffff}", " \t\r\n ", "x".repeat(70_000), "last"];

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function everyByte(): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, i) => i);
}

let server: TestServer;
beforeAll(async () => {
  const models = Object.entries(TYPES).map(([type, { onnx }]) => [`${type}.onnx`, identity(onnx, ["N", COLUMNS])]);
  server = await startServer({
    models: { ...Object.fromEntries(models), "STRING.onnx": identity("string", ["N", 2]) },
    flags: ["--max-batch-size", "64"],
  });
});
afterAll(() => server?.stop());

describe.each(Object.keys(WAYS) as Way[])("%s", (way) => {
  test.each(Object.entries(TYPES))("%s", async (type, { bytes }) => {
    const elementBytes = { BOOL: 1, INT8: 1, UINT8: 1, INT16: 2, UINT16: 2, FP16: 2, INT32: 4, UINT32: 4, FP32: 4 }[type] ?? 8;
    const input = raw("X", type as RawType, [bytes.length / elementBytes / COLUMNS, COLUMNS], bytes);
    const { response, failure } = await WAYS[way](server, request(type, [input]));

    expect(failure).toBeUndefined();
    expect(response?.outputs[0]).toMatchObject({ name: "Y", dataType: input.dataType, shape: input.shape });
    expect(Buffer.from(response!.outputs[0]!.raw).toString("hex")).toBe(Buffer.from(bytes).toString("hex"));
  });

  // The data of an upload is raw bytes, so text cannot be uploaded.
  if (way === "PredictUpload") return;
  test("STRING", async () => {
    const { response, failure } = await WAYS[way](server, request("STRING", [text("X", [TEXTS.length / 2, 2], TEXTS)]));

    expect(failure).toBeUndefined();
    expect(response?.outputs[0]?.strings).toEqual(TEXTS);
  });
});
