// How many sessions of a version are made on a provider, with how many threads, and on which of its devices.

import { availableParallelism } from "node:os";
import type { Provider } from "../../config/config.ts";
import type { LoadOptions } from "../backend.ts";

/** Threads one run uses at most when nothing is configured. */
const MAX_DEFAULT_THREADS = 4;

/** Sessions on one CUDA device when nothing is configured: one copies while the other computes. */
const DEFAULT_CUDA_INSTANCES = 2;

/** What is to be made. */
export interface SessionPlan {
  /** One for each session: the number of its device, undefined where the provider has no numbered ones. */
  readonly deviceIds: readonly (number | undefined)[];
  readonly intraOpThreads: number;
  /** Sessions asked for, at least one on each device; may be more than there are workers. */
  readonly asked: number;
}

/** What decides it. */
export type SessionWishes = Pick<LoadOptions, "execution" | "instances" | "intraOpThreads" | "modelCount" | "deviceIds">;

/**
 * One core is left to the event loop; the rest is shared out as instances of a few threads each. Every session has a thread pool of its
 * own, so a folder of many models gets one thread and one session for each.
 * @param maxWorkers a worker holds one session of a version. @param cores of this machine by default.
 */
export function planSessions(
  provider: Provider,
  { execution, instances, intraOpThreads: givenThreads, modelCount, deviceIds }: SessionWishes,
  maxWorkers: number,
  cores: number = availableParallelism(),
): SessionPlan {
  const ids = provider === "cuda" ? deviceIds : [undefined];
  const asked = instances * ids.length || (provider === "cuda" ? ids.length : 0);
  // Runs that are short enough for the main thread gain nothing from more threads, and there is only one main thread.
  if (execution === "inline") return { deviceIds: [undefined], intraOpThreads: givenThreads || 1, asked };
  const free = Math.max(1, cores - 1);
  const isCrowded = modelCount > maxWorkers;
  const intraOpThreads = givenThreads || (isCrowded ? 1 : Math.min(MAX_DEFAULT_THREADS, free));
  const onCores = isCrowded ? 1 : Math.max(1, Math.floor(free / intraOpThreads));
  const each = instances || (provider === "cuda" ? DEFAULT_CUDA_INSTANCES : onCores);
  const count = Math.min(each * ids.length, maxWorkers);
  return { deviceIds: Array.from({ length: count }, (_, index) => ids[index % ids.length]), intraOpThreads, asked };
}
