// The devices that sessions run on, shared by all models: the cores, CUDA devices and WebGPU, with the tokens of each.

import type { Execution, Provider } from "../../config/config.ts";
import type { Device, Instance } from "../scheduler/executor.ts";

/** How much may be in flight. */
export interface DeviceLimits {
  /** Batches on one CUDA device. */
  readonly maxCudaBatches: number;
  /** Threads of batches on the CPU. */
  readonly maxCpuThreads: number;
}

/** Where a session runs. */
export interface Placement {
  readonly provider: Provider;
  readonly execution: Execution;
  /** Number of the device; undefined where the provider has no numbered ones. */
  readonly deviceId: number | undefined;
}

/** Devices of the process. */
export interface Devices {
  /**
   * What limits the runs of a session besides its lane, always the same object for the same device. Undefined on the main thread, which has
   * its core to itself, and for WebGPU in a process of its own.
   */
  of(placement: Placement): Device | undefined;
}

/** WebGPU takes one run at a time in each process: runs that overlap crash it. */
const WEBGPU_TOKENS = 1;

/** Makes the table; devices that nobody uses cost nothing. */
export function createDevices({ maxCudaBatches, maxCpuThreads }: DeviceLimits): Devices {
  // A run that hangs on the CPU costs its threads; one that hangs on a graphics processor has in all likelihood stopped that altogether.
  const cpu: Device = { name: "cpu", tokens: maxCpuThreads, outlivesHungRuns: true };
  const webgpu: Device = { name: "webgpu", tokens: WEBGPU_TOKENS, outlivesHungRuns: false };
  const cuda = new Map<number, Device>();
  return {
    of({ provider, execution, deviceId = 0 }) {
      if (execution === "inline") return undefined;
      if (provider === "cpu") return cpu;
      if (provider === "webgpu") return execution === "process" ? undefined : webgpu;
      let device = cuda.get(deviceId);
      if (device === undefined)
        cuda.set(deviceId, (device = { name: `cuda:${deviceId}`, tokens: maxCudaBatches, outlivesHungRuns: false }));
      return device;
    },
  };
}

/** Tokens of its device that a run takes: a thread each on the CPU, one elsewhere. */
export function tokensOf(provider: Provider, intraOpThreads: number): number {
  return provider === "cpu" ? intraOpThreads : 1;
}

/** Instances that never run beside the others, because those have taken all tokens of the device by then. @returns a sentence a device. */
export function whyInstancesWait(provider: Provider, instances: readonly Pick<Instance, "device" | "tokens">[]): readonly string[] {
  const setting: keyof DeviceLimits = provider === "cpu" ? "maxCpuThreads" : "maxCudaBatches";
  const warnings: string[] = [];
  for (const device of new Set(instances.map((instance) => instance.device))) {
    const here = instances.filter((instance) => instance.device === device);
    const atOnce = device === undefined ? Infinity : Math.ceil(device.tokens / (here[0]?.tokens ?? 1));
    if (here.length > atOnce) warnings.push(`${here.length} instances share ${device?.name}, ${atOnce} at a time (setting ${setting}).`);
  }
  return warnings;
}
