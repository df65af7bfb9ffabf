import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { App } from "../../src/app.ts";
import type { PredictdClient } from "../../src/client/client.ts";
import { createClient } from "../../src/client/client.ts";
import { rawTensor } from "../../src/client/tensors.ts";
import { double } from "../support/models.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import { startApp } from "./start-app.ts";

let folder: string;
let app: App;
let client: PredictdClient;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "predictd-odd-"));
  await writeFile(join(folder, "double.onnx"), double());
  app = await startApp({ modelDir: folder });
  client = createClient(app.grpcAddress);
});
afterAll(async () => {
  client.close();
  await app.stop();
  await rm(folder, { recursive: true });
});

describe("requests that cost their sender nothing", () => {
  test.each([2 ** 40, 1_000_001])("%d rows without elements are refused", async (rows) => {
    const input = rawTensor("X", new Uint8Array(0), [rows, 0], "FP32");
    await expect(client.predict({ model: "double", inputs: [input] })).rejects.toMatchObject({ reason: "INPUT_TOO_LARGE" });
  });

  test("many empty rows are answered without blocking", async () => {
    const input = rawTensor("X", new Uint8Array(0), [200_000, 0], "FP32");
    await expect(client.predict({ model: "double", inputs: [input] })).resolves.toMatchObject({ model: "double" });
  });

  test("a message of a million empty tensors is refused", async () => {
    const connection = connectRaw(app.grpcAddress);
    const body = frame(Buffer.alloc(2_000_000, Buffer.from([0x22, 0x00])));
    const { status } = await connection.call("/predictd.v1.PredictionService/Predict", { body }).answer;
    expect(status.reason).toBe("MESSAGE_MALFORMED");
    connection.close();
  });
});

test("an ordered session answers refusals in their turn too", async () => {
  const session = client.session({ ordered: true });
  const x = rawTensor("X", new Uint8Array(4), [1, 1], "FP32");
  const order: string[] = [];
  const note = (name: string) => () => void order.push(name);
  await Promise.all([
    session.predict({ model: "double", inputs: [x] }).then(note("a"), note("a")),
    session.predict({ model: "double", inputs: [] }).then(note("b"), note("b")),
    session.predict({ model: "double", inputs: [x] }).then(note("c"), note("c")),
  ]);
  expect(order).toEqual(["a", "b", "c"]);
  await session.close();
});
