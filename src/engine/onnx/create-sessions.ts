// Makes the sessions of one version on the first provider of its list that takes them.

import type { Provider } from "../../config/config.ts";
import type { LoadOptions } from "../backend.ts";
import { ModelError } from "../backend.ts";
import type { SessionInfo, SessionSpec } from "./protocol.ts";
import { explainProviderFailure, whyProviderFailed, whyUnavailable } from "./providers.ts";
import { planSessions } from "./session-plan.ts";
import type { WorkerLane } from "./worker-lane.ts";
import type { WorkerPool } from "./worker-pool.ts";

/** A session's worker, and its device where the provider has numbered ones. */
export interface PlacedSession {
  readonly worker: WorkerLane;
  readonly deviceId: number | undefined;
}

/** The sessions of one version. */
export interface Sessions {
  /** Key of each in its worker. */
  readonly key: number;
  readonly placed: readonly PlacedSession[];
  readonly info: SessionInfo;
  readonly provider: Provider;
  readonly intraOpThreads: number;
  /** Instances asked for, at least one on each device; may be more than were placed, because a worker holds one each. */
  readonly asked: number;
  /** Why providers that stand earlier in the list were not used. */
  readonly notes: readonly string[];
}

let nextSession = 0;

/** Tries the providers in order. Rejects with ModelError or the runtime's own error; nothing is left behind then. */
export async function createSessions(options: LoadOptions, pool: WorkerPool): Promise<Sessions> {
  const { execution } = options;
  const notes: string[] = [];
  const spec = {
    path: options.modelPath,
    interOpThreads: options.interOpThreads,
    parallelExecution: options.parallelExecution,
    graphOptimization: options.graphOptimization,
  };
  let failure: unknown = new ModelError("No execution provider is configured.");
  for (const provider of options.providers) {
    const why = whyUnavailable(provider, execution);
    if (why !== undefined) {
      notes.push(`${provider}: ${why}`);
      failure = nothingUsable(notes);
      continue;
    }
    const key = nextSession++;
    const { deviceIds, intraOpThreads, asked } = planSessions(provider, options, pool.size);
    const placed = pool.place(deviceIds.length, provider, execution).map((worker, index) => ({ worker, deviceId: deviceIds[index] }));
    const { info, failures } = await createAll(placed, key, { ...spec, provider, intraOpThreads });
    if (info !== undefined && failures.length === 0) return { key, placed, info, provider, intraOpThreads, asked, notes };
    await Promise.allSettled(placed.map(({ worker }) => worker.release(key)));
    const [first] = failures;
    const device = first?.deviceId === undefined ? "" : `device ${first.deviceId}: `;
    notes.push(`${provider}: ${device}${explainProviderFailure(first?.error)}`);
    failure = provider === "cpu" || whyProviderFailed(first?.error) === undefined ? first?.error : nothingUsable(notes);
  }
  throw failure;
}

function nothingUsable(notes: readonly string[]): ModelError {
  return new ModelError(`No execution provider of the list can be used: ${notes.join("; ")}.`);
}

async function createAll(
  placed: readonly PlacedSession[],
  key: number,
  spec: Omit<SessionSpec, "deviceId">,
): Promise<{
  readonly info: SessionInfo | undefined;
  readonly failures: readonly { readonly deviceId: number | undefined; readonly error: unknown }[];
}> {
  const created = await Promise.allSettled(placed.map(({ worker, deviceId }) => worker.create(key, { ...spec, deviceId })));
  const failures = created.flatMap((result, index) =>
    result.status === "rejected" ? [{ deviceId: placed[index]?.deviceId, error: result.reason as unknown }] : [],
  );
  const [first] = created;
  return { info: first?.status === "fulfilled" ? first.value : undefined, failures };
}
