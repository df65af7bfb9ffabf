// Bad input is answered with the same code, reason and field whichever way it came, and never costs the connection.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { ERRORS } from "../../src/errors.ts";
import { WAYS } from "../support/ways.ts";
import type { Way } from "../support/ways.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { floatsOf } from "../support/wire-tensors.ts";
import { BAD_INPUTS, GOOD, MODELS } from "./bad-input-cases.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ models: MODELS });
});
afterAll(() => server?.stop());

for (const way of Object.keys(WAYS) as Way[]) {
  const cases = BAD_INPUTS.filter(({ not }) => !not?.includes(way));

  describe(way, () => {
    test.each(cases)("$what", async ({ request, reason, field }) => {
      const { failure, response } = await WAYS[way](server, request);

      expect(response).toBeUndefined();
      expect(failure).toMatchObject({ code: ERRORS[reason].code, reason, domain: "predictd" });
      expect(failure?.violations[0]?.field).toBe(field);
      expect(failure?.message).not.toMatch(/\.(ts|js|onnx)\b|node_modules|onnxruntime|Non-zero|\n/);
      const good = await WAYS[way](server, GOOD);
      expect(floatsOf(good.response?.outputs[0])).toEqual([2, 4, 6, 8]);
    });
  });
}
