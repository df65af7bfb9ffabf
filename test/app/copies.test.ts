import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { App } from "../../src/app.ts";
import type { PredictdClient } from "../../src/client/client.ts";
import { createClient } from "../../src/client/client.ts";
import { tensor } from "../../src/client/tensors.ts";
import { hotCounters } from "../../src/telemetry/instruments.ts";
import { startApp } from "./start-app.ts";

let app: App;
let client: PredictdClient;

beforeAll(async () => {
  app = await startApp();
  client = createClient(app.grpcAddress);
});

afterAll(async () => {
  client.close();
  await app.stop();
});

/** Bytes that one call copies, by place. */
async function copiesOf(rows: number): Promise<typeof hotCounters> {
  const before = { ...hotCounters };
  await client.predict({ model: "digits", inputs: [tensor("image", new Float32Array(rows * 64), [rows, 1, 8, 8])] });
  return Object.fromEntries(
    Object.entries(hotCounters).map(([key, value]) => [key, value - before[key as keyof typeof before]]),
  ) as typeof hotCounters;
}

test("a message within one frame is copied once, into the batch", async () => {
  expect(await copiesOf(3)).toEqual({
    reassemblyBytesCopied: 0,
    slotBytesCopied: 3 * 256,
    // Below 1 KiB a plain copy is as cheap.
    stageBytesCopied: 0,
    // label (8 bytes) and ten probabilities (40 bytes) for each row.
    responseBytesCopied: 3 * 48,
  });
});

test("a message of several frames is joined once and copied once more, by way of one aligned stage at most", async () => {
  const rows = 1000;
  const copies = await copiesOf(rows);
  const tensorBytes = rows * 256;
  expect(copies.slotBytesCopied).toBe(tensorBytes);
  expect(copies.reassemblyBytesCopied).toBeGreaterThan(0);
  expect(copies.reassemblyBytesCopied).toBeLessThanOrEqual(tensorBytes + 100);
  expect(copies.stageBytesCopied).toBeLessThanOrEqual(tensorBytes);
  expect(copies.responseBytesCopied).toBe(rows * 48);
});
