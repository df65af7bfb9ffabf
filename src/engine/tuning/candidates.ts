// Which sizes a sweep tries: instances, threads of a run, and rows of a batch.

import type { Execution, Provider } from "../../config/config.ts";

/** Sessions of a model and the threads of one run. */
export interface Sizes {
  /** Sessions that run side by side. */
  readonly instances: number;
  readonly intraOpThreads: number;
}

/** What decides which sizes make sense. */
export interface CandidateOptions {
  readonly execution: Execution;
  readonly provider: Provider;
  /** Cores of the machine: instances × threads never exceed them, since more threads than cores lower the throughput. */
  readonly cores: number;
  /** Most workers, and so most instances. */
  readonly maxWorkers: number;
  /** Sizes that are given and not to be changed; undefined: to be found. */
  readonly pins: Partial<Sizes>;
}

/** Instances that may share a device: one copies while the other computes. */
const MAX_DEVICE_INSTANCES = 2;

/** A pinned number of threads or instances may ask for more than the cores: that is what was asked for, and tried as it is. */
export function candidates({ execution, provider, cores, maxWorkers, pins }: CandidateOptions): readonly Sizes[] {
  const found: Sizes[] = [];
  const onDevice = provider !== "cpu";
  for (const intraOpThreads of pins.intraOpThreads !== undefined ? [pins.intraOpThreads] : onDevice ? [1] : divisors(cores)) {
    const fitting = Math.max(1, Math.floor(cores / intraOpThreads));
    const most = Math.min(maxWorkers, onDevice ? MAX_DEVICE_INSTANCES : fitting);
    // There is one main thread, and WebGPU runs must not overlap.
    const isSingle = execution === "inline" || provider === "webgpu";
    const counts = isSingle ? [1] : pins.instances !== undefined ? [Math.min(pins.instances, maxWorkers)] : powersOfTwo(most);
    for (const instances of counts) found.push({ instances, intraOpThreads });
  }
  return inOrderOfTrial(found);
}

/** The smallest first, which the others have to beat; then those that use most cores, so that little is lost when time runs out. */
function inOrderOfTrial(sizes: readonly Sizes[]): readonly Sizes[] {
  const used = ({ instances, intraOpThreads }: Sizes): number => instances * intraOpThreads;
  const sorted = sizes.toSorted((a, b) => used(b) - used(a) || a.instances - b.instances);
  const smallest = sorted.at(-1);
  return smallest === undefined ? [] : [smallest, ...sorted.slice(0, -1)];
}

/** 1, 2, 4 … and the limit itself. @param limit at least 1. */
export function powersOfTwo(limit: number): readonly number[] {
  const sizes: number[] = [];
  for (let size = 1; size < limit; size *= 2) sizes.push(size);
  return [...sizes, limit];
}

function divisors(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1).filter((divisor) => count % divisor === 0);
}
