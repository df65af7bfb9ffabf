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

/** The runtime's words about a provider that did not start, cut to one line and freed of paths: callers may see them. */
export function explainProviderFailure(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const line = text
    .replaceAll(/\s+/g, " ")
    .split(" ")
    .filter((word) => !/[\\/]/.test(word))
    .join(" ")
    .trim();
  return line === "" ? "session creation failed" : line.slice(0, MAX_NOTE_CHARS);
}
