// Which execution providers can be tried on this machine.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { InferenceSession } from "onnxruntime-node";
import type { Execution, Provider } from "../../config/config.ts";
import type { SessionSpec } from "./protocol.ts";

/** Why a provider cannot even be tried; undefined when it can. Looks for its library only, so it is cheap and safe. */
export function whyUnavailable(provider: Provider, execution: Execution): string | undefined {
  // The process-wide lock of WebGPU is its own worker, and the wait for a device would be everybody's.
  if (execution === "inline" && provider !== "cpu") return "runs on the main thread use the CPU only";
  if (provider !== "cuda") return undefined;
  const root = dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json"));
  const library = join(root, "bin", "napi-v6", process.platform, process.arch, "libonnxruntime_providers_cuda.so");
  return existsSync(library) ? undefined : "the CUDA provider library is not installed";
}

/** The providers of a session as the runtime wants them. What a device's provider has no kernels for runs on the CPU. */
export function runtimeProviders({
  provider,
  deviceId,
}: Pick<SessionSpec, "provider" | "deviceId">): readonly InferenceSession.ExecutionProviderConfig[] {
  if (provider === "cpu") return ["cpu"];
  return [provider === "cuda" && deviceId !== undefined ? { name: "cuda", deviceId } : provider, "cpu"];
}

/** Longest note about a provider. */
const MAX_NOTE_CHARS = 160;

/** What a provider lacks, by the runtime's words. */
const KNOWN: readonly (readonly [RegExp, string])[] = [
  [/invalid device ordinal/i, "there is no such device"],
  [/no CUDA-capable device/i, "the driver finds no CUDA device"],
  [/driver version is insufficient|system (has unsupported|not yet initialized)/i, "the NVIDIA driver does not fit the CUDA libraries"],
  [/Failed to load shared library/i, "its library is there, but CUDA, cuDNN or the NVIDIA driver cannot be loaded, or is another version"],
  [/out of memory/i, "the device's memory is full"],
];

/** Why the provider and not the model is to blame for a session that could not be made; undefined when that is not certain. */
export function whyProviderFailed(error: unknown): string | undefined {
  const text = textOf(error);
  return KNOWN.find(([pattern]) => pattern.test(text))?.[1];
}

/** Why a provider did not start: our words, or the runtime's cut to one line and freed of paths and names, because callers may see them. */
export function explainProviderFailure(error: unknown): string {
  const known = whyProviderFailed(error);
  if (known !== undefined) return known;
  const line = textOf(error)
    .replaceAll(/\s+/g, " ")
    .split(" ")
    .filter((word) => !/[\\/]|^hostname=/.test(word))
    .join(" ")
    .trim();
  return line === "" ? "session creation failed" : line.slice(0, MAX_NOTE_CHARS);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
