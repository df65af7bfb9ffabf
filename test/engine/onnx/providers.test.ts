import { expect, test } from "@jest/globals";
import { explainProviderFailure, runtimeProviders } from "../../../src/engine/onnx/providers.ts";

test.each([
  ["Failed to get a WebGPU adapter", "Failed to get a WebGPU adapter"],
  [
    "/home/build/ort/core/x.cc:12 std::string f() Failed to load\nlibrary C:\\secret\\x.dll now",
    "std::string f() Failed to load library now",
  ],
  ["/only/a/path", "session creation failed"],
  ["x".repeat(500), "x".repeat(160)],
])("what the runtime says of a provider is told without paths, in one short line: %#", (text, told) => {
  expect(explainProviderFailure(new Error(text))).toBe(told);
});

test("a session asks for its device, and for the CPU behind it", () => {
  expect(runtimeProviders({ provider: "cuda", deviceId: 3 })).toEqual([{ name: "cuda", deviceId: 3 }, "cpu"]);
  expect(runtimeProviders({ provider: "webgpu", deviceId: undefined })).toEqual(["webgpu", "cpu"]);
  expect(runtimeProviders({ provider: "cpu", deviceId: undefined })).toEqual(["cpu"]);
});
