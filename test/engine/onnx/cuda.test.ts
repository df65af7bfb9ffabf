// Models on CUDA devices: placement, answers, a device that is not there; and what happens where there is no CUDA at all.
// Needs the CUDA provider beside onnxruntime (its install script with ONNXRUNTIME_NODE_INSTALL=true), CUDA 12, cuDNN 9 and a device.

import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { whyUnavailable } from "../../../src/engine/onnx/providers.ts";
import { request } from "../../support/clients.ts";
import { identity, matmul } from "../../support/models.ts";
import type { TestServer } from "../../support/server.ts";
import { startServer } from "../../support/server.ts";
import { floatsOf, fp32 } from "../../support/wire-tensors.ts";

const SIZE = 64;

/** No machine has so many. */
const NO_DEVICE = 200;

function whySkipped(): string | undefined {
  return whyUnavailable("cuda", "thread") ?? (existsSync("/dev/nvidiactl") ? undefined : "no NVIDIA device");
}

/** A `describe` that needs a device; where there is none it is skipped, and says so. */
function describeOnCuda(name: string, body: () => void): void {
  const reason = whySkipped();
  if (reason === undefined) {
    describe(name, body);
    return;
  }
  process.stderr.write(`skipped: ${name}: ${reason}\n`);
  test.skip(`${name} (${reason})`, () => {});
}

let server: TestServer | undefined;
afterAll(() => server?.stop());

async function versionOf(name: string) {
  return (await server!.listModels()).find((model) => model.name === name)?.versions[0];
}

const rowsOf = (seed: number) => Float32Array.from({ length: SIZE }, (_, i) => Math.sin(seed * SIZE + i));

describeOnCuda("cuda", () => {
  beforeAll(async () => {
    server = await startServer({
      models: {
        "a/model.onnx": matmul(SIZE),
        "b/model.onnx": matmul(SIZE),
        "processes/model.onnx": matmul(SIZE),
        "processes/model.yaml": "execution: process\ninstances: 1\n",
        "host/model.onnx": matmul(SIZE),
        "host/model.yaml": "executionProviders: [cpu]\n",
        "nowhere/model.onnx": identity("float"),
        "nowhere/model.yaml": `deviceIds: [${NO_DEVICE}]\n`,
        "only/model.onnx": identity("float"),
        "only/model.yaml": `executionProviders: [cuda]\ndeviceIds: [${NO_DEVICE}]\n`,
      },
      flags: ["--max-workers", "4"],
      waitForServing: true,
    });
  }, 120_000);

  test("models run there by default, two sessions on the first device", async () => {
    for (const name of ["a", "b"]) {
      expect(await versionOf(name)).toMatchObject({
        reason: "",
        execution: { provider: "cuda", deviceIds: [0], instances: 2, providerNotes: [] },
      });
    }
    expect(await versionOf("processes")).toMatchObject({ execution: { kind: "process", provider: "cuda", deviceIds: [0], instances: 1 } });
  });

  test("answers are those of the CPU, whatever runs beside them", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, async (_, seed) => {
        const ask = async (name: string) =>
          floatsOf((await server!.predict(request(name, [fp32("X", [1, SIZE], rowsOf(seed))]))).response?.outputs[0]);
        return { device: await ask(["a", "b", "processes"][seed % 3]!), host: await ask("host") };
      }),
    );
    for (const { device, host } of outcomes) {
      expect(device).toHaveLength(host.length);
      // Devices may multiply with fewer bits.
      for (const [i, value] of device.entries())
        expect(Math.abs(value - host[i]!)).toBeLessThanOrEqual(0.01 * Math.max(1, Math.abs(host[i]!)));
    }
  }, 60_000);

  test("a device that is not there is a note where the CPU stands behind it, and a reason to fail where it does not", async () => {
    const note = `cuda: device ${NO_DEVICE}: there is no such device`;
    expect(await versionOf("nowhere")).toMatchObject({ execution: { provider: "cpu", deviceIds: [], providerNotes: [note] } });
    expect((await versionOf("only"))?.reason).toBe(`No execution provider of the list can be used: ${note}.`);
  });
});

const lacksLibrary = whyUnavailable("cuda", "thread");

(lacksLibrary === undefined ? describe.skip : describe)("without the CUDA provider", () => {
  beforeAll(async () => {
    server = await startServer({
      models: {
        "both/model.onnx": identity("float"),
        "both/model.yaml": "executionProviders: [cuda, cpu]\ndeviceIds: [0, 1]\n",
        "only/model.onnx": identity("float"),
        "only/model.yaml": "executionProviders: [cuda]\ndeviceIds: [0, 1]\n",
      },
    });
  });

  test("models run on the CPU and say why; one that may not fails and says why", async () => {
    const note = `cuda: ${lacksLibrary}`;
    expect(await versionOf("both")).toMatchObject({ reason: "", execution: { provider: "cpu", deviceIds: [], providerNotes: [note] } });
    expect((await versionOf("only"))?.reason).toBe(`No execution provider of the list can be used: ${note}.`);
    const { response } = await server!.predict(request("both", [fp32("X", [1, 4], [1, 2, 3, 4])]));
    expect(floatsOf(response?.outputs[0])).toEqual([1, 2, 3, 4]);
  });
});
