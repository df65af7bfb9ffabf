import { expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { encodeStrings } from "../../src/engine/onnx/strings.ts";
import { createValidate } from "../../src/predict/validate.ts";
import { whyStringsInvalid } from "../../src/predict/validate-strings.ts";

test("property: any text without NUL is taken, of any length", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme", maxLength: 100 })), (texts) => {
      const bytes = encodeStrings(texts);
      const hasNul = texts.findIndex((text) => text.includes("\0"));
      const why = whyStringsInvalid(bytes, texts.length, true);
      if (hasNul === -1) expect(why).toBeUndefined();
      else expect(why).toMatchObject({ reason: "INPUT_VALUE_INVALID" });
    }),
  );
});

test.each([
  ["too few elements", encodeStrings(["a"]), 2, "INPUT_SIZE_MISMATCH"],
  ["too many elements", encodeStrings(["a", "b"]), 1, "INPUT_SIZE_MISMATCH"],
  ["a length beyond the end", Uint8Array.from([9, 0, 0, 0, 65]), 1, "INPUT_SIZE_MISMATCH"],
  ["half a length", Uint8Array.from([1, 0]), 1, "INPUT_SIZE_MISMATCH"],
  ["bytes that are not UTF-8", Uint8Array.from([1, 0, 0, 0, 0xff]), 1, "INPUT_VALUE_INVALID"],
  ["a NUL in a short text", encodeStrings(["a\0b"]), 1, "INPUT_VALUE_INVALID"],
  ["a NUL in a long text", encodeStrings([`${"a".repeat(100)}\0`]), 1, "INPUT_VALUE_INVALID"],
])("%s is refused", (_, bytes, count, reason) => {
  expect(whyStringsInvalid(bytes, count, true)).toMatchObject({ reason });
});

/** A request with these texts. */
const request = (texts: readonly string[]) => ({
  model: "m",
  version: "",
  requestId: "",
  outputs: [],
  classCounts: [],
  priority: 0,
  queueTimeoutMs: 0,
  problem: undefined,
  inputs: [{ name: "x", dtype: "STRING", shape: [texts.length], bytes: encodeStrings(texts), problem: undefined } as const],
});

test("more elements than maxStringElements are refused before they are looked at", () => {
  const spec = { name: "x", dtype: "STRING", dims: [{ size: -1, symbol: "N" }], description: "", columns: [], labels: [] } as const;
  const validate = createValidate(
    { inputs: [spec], outputs: [] },
    { batched: true, maxRows: Infinity, textOnly: true },
    { maxRequestRows: 10, maxStringElements: 2 },
  );
  expect(validate(request(["a", "b"])).rows).toBe(2);
  expect(() => validate(request(["a", "b", "c"]))).toThrow(
    expect.objectContaining({ reason: "INPUT_TOO_LARGE", code: "RESOURCE_EXHAUSTED" }),
  );
});

test("bytes of any kind are good where the engine takes them; how many there are is still checked", () => {
  const binary = Buffer.from([3, 0, 0, 0, 0xff, 0x00, 0xfe, 0, 0, 0, 0]);
  expect(whyStringsInvalid(binary, 2, false)).toBeUndefined();
  expect(whyStringsInvalid(binary, 2, true)).toMatchObject({ reason: "INPUT_VALUE_INVALID" });
  expect(whyStringsInvalid(binary, 3, false)).toMatchObject({ reason: "INPUT_SIZE_MISMATCH" });
});
