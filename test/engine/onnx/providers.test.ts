import { expect, test } from "@jest/globals";
import { explainProviderFailure, runtimeProviders } from "../../../src/engine/onnx/providers.ts";

test.each([
  ["Failed to get a WebGPU adapter", "Failed to get a WebGPU adapter"],
  [
    "/home/build/ort/core/x.cc:12 std::string f() Failed to load\nlibrary C:\\secret\\x.dll now",
    "std::string f() Failed to load library now",
  ],
  ["/only/a/path", "session creation failed"],
  [
    "CUDA failure 101: invalid device ordinal ; GPU=0 ; hostname=box ; file=/onnxruntime_src/x.cc ; line=280 ; expr=cudaSetDevice(id);",
    "there is no such device",
  ],
  ["CUDA failure 100: no CUDA-capable device is detected ; GPU=-1 ; hostname=box", "the driver finds no CUDA device"],
  [
    "OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library",
    "its library is there, but CUDA, cuDNN or the NVIDIA driver cannot be loaded, or is another version",
  ],
  ["CUDA failure 999: unknown error ; GPU=0 ; hostname=box ; line=1", "CUDA failure 999: unknown error ; GPU=0 ; ; line=1"],
  ["x".repeat(500), "x".repeat(160)],
])("what the runtime says of a provider is told without paths, in one short line: %#", (text, told) => {
  expect(explainProviderFailure(new Error(text))).toBe(told);
});

test("a session asks for its device, and for the CPU behind it", () => {
  expect(runtimeProviders({ provider: "cuda", deviceId: 3 })).toEqual([{ name: "cuda", deviceId: 3 }, "cpu"]);
  expect(runtimeProviders({ provider: "webgpu", deviceId: undefined })).toEqual(["webgpu", "cpu"]);
  expect(runtimeProviders({ provider: "cpu", deviceId: undefined })).toEqual(["cpu"]);
});
