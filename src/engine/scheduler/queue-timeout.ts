// How long a request may wait for the start of its run.

import type { QueuePolicy } from "../queue-policy.ts";

/** The furthest that a timer reaches; nobody waits that long. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** The timeout in force in milliseconds, 0 for none: the level's, or the request's own where that is allowed and shorter. */
export function timeoutInForceMs({ timeoutMs, allowOverride }: QueuePolicy, requestedMs: number): number {
  if (!allowOverride || requestedMs <= 0) return timeoutMs;
  return timeoutMs === 0 ? requestedMs : Math.min(requestedMs, timeoutMs);
}

/** When the run must have begun; Infinity when nothing but the deadline limits the wait. */
export function latestStart(policy: QueuePolicy, requestedMs: number, now: number, deadline: number): number {
  const timeoutMs = timeoutInForceMs(policy, requestedMs);
  if (timeoutMs === 0 || timeoutMs > MAX_TIMEOUT_MS) return Infinity;
  const startBy = now + timeoutMs;
  // A caller who is gone by then needs no timeout.
  return startBy < deadline ? startBy : Infinity;
}
