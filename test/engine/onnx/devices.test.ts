import { expect, test } from "@jest/globals";
import { createDevices, tokensOf, whyInstancesWait } from "../../../src/engine/onnx/devices.ts";

const devices = createDevices({ maxCudaBatches: 2, maxCpuThreads: 8 });

test("sessions on one device share its tokens, whatever model they are of; devices have their own", () => {
  const first = devices.of({ provider: "cuda", execution: "thread", deviceId: 0 });
  expect(first).toEqual({ name: "cuda:0", tokens: 2, outlivesHungRuns: false });
  expect(devices.of({ provider: "cuda", execution: "process", deviceId: 0 })).toBe(first);
  expect(devices.of({ provider: "cuda", execution: "thread", deviceId: 1 })).toMatchObject({ name: "cuda:1", tokens: 2 });
});

test("the CPU has a token for each thread that may run, in threads and processes alike", () => {
  const cpu = devices.of({ provider: "cpu", execution: "thread", deviceId: undefined });
  expect(cpu).toEqual({ name: "cpu", tokens: 8, outlivesHungRuns: true });
  expect(devices.of({ provider: "cpu", execution: "process", deviceId: undefined })).toBe(cpu);
  expect([tokensOf("cpu", 4), tokensOf("cuda", 4), tokensOf("webgpu", 4)]).toEqual([4, 1, 1]);
});

test("runs on the main thread wait for nobody", () => {
  expect(devices.of({ provider: "cpu", execution: "inline", deviceId: undefined })).toBeUndefined();
});

test("WebGPU takes one run at a time in each process", () => {
  const webgpu = devices.of({ provider: "webgpu", execution: "thread", deviceId: undefined });
  expect(webgpu).toMatchObject({ tokens: 1 });
  expect(devices.of({ provider: "webgpu", execution: "thread", deviceId: undefined })).toBe(webgpu);
  expect(devices.of({ provider: "webgpu", execution: "process", deviceId: undefined })).toBeUndefined();
});

test("instances that can only wait for each other are worth a word", () => {
  const on = (deviceId: number, count: number) => {
    const device = devices.of({ provider: "cuda", execution: "thread", deviceId });
    return Array.from({ length: count }, () => ({ device, tokens: 1 }));
  };
  expect(whyInstancesWait("cuda", [...on(0, 2), ...on(1, 2)])).toEqual([]);
  expect(whyInstancesWait("cuda", [...on(0, 3), ...on(1, 2)])).toEqual(["3 instances share cuda:0, 2 at a time (setting maxCudaBatches)."]);
  const cpu = devices.of({ provider: "cpu", execution: "thread", deviceId: undefined });
  const onCpu = (tokens: number, count: number) => Array.from({ length: count }, () => ({ device: cpu, tokens }));
  // The last of eight cores is enough to start on.
  expect(whyInstancesWait("cpu", onCpu(3, 3))).toEqual([]);
  expect(whyInstancesWait("cpu", onCpu(4, 3))).toEqual(["3 instances share cpu, 2 at a time (setting maxCpuThreads)."]);
  expect(whyInstancesWait("cpu", [{ device: undefined }, { device: undefined }])).toEqual([]);
});
