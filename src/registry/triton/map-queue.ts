// How the requests of a model wait, as a Triton configuration has it.

import type { ModelDynamicBatching, ModelQueuePolicy } from "../../../generated/inference/model_config.ts";
import { ModelQueuePolicy_TimeoutAction } from "../../../generated/inference/model_config.ts";
import type { FieldPath } from "../../config/fields.ts";
import type { QueuePolicies, QueuePolicy } from "../../engine/queue-policy.ts";
import { PLAIN_QUEUE } from "../../engine/queue-policy.ts";
import type { Findings } from "./findings.ts";

/** Whole microseconds as milliseconds. */
export function toMs(microseconds: bigint): number {
  return Number(microseconds) / 1000;
}

/** Levels, policies and order; what Triton refuses is refused. */
export function mapQueue(batching: ModelDynamicBatching, findings: Findings): QueuePolicies {
  const levels = mapLevels(batching, findings);
  checkOrder(batching, findings);
  const given = batching.defaultQueuePolicy;
  const defaultPolicy =
    given === undefined ? PLAIN_QUEUE.defaultPolicy : mapPolicy(given, ["dynamic_batching", "default_queue_policy"], findings);
  return { ...levels, defaultPolicy, policies: mapPolicies(batching, levels.levels, findings) };
}

/** More levels than anybody tells apart. */
const MAX_LEVELS = 1_048_576n;

function mapLevels(batching: ModelDynamicBatching, findings: Findings): Pick<QueuePolicies, "levels" | "defaultLevel"> {
  const { priorityLevels, defaultPriorityLevel } = batching;
  const [path, defaultPath] = [
    ["dynamic_batching", "priority_levels"],
    ["dynamic_batching", "default_priority_level"],
  ];
  if (priorityLevels === 0n) {
    if (defaultPriorityLevel !== 0n) findings.warn(defaultPath, "is left out: there are no priority_levels");
    return { levels: 0, defaultLevel: 0 };
  }
  if (priorityLevels > MAX_LEVELS) {
    findings.refuse(path, `must be at most ${MAX_LEVELS}, got ${priorityLevels}`);
    return { levels: 0, defaultLevel: 0 };
  }
  findings.mapped(path, `takes priorities from 1, the highest, to ${priorityLevels}`);
  if (defaultPriorityLevel < 1n || defaultPriorityLevel > priorityLevels) {
    findings.refuse(defaultPath, `must be from 1 to ${priorityLevels}, got ${defaultPriorityLevel}`);
    return { levels: Number(priorityLevels), defaultLevel: 1 };
  }
  findings.mapped(defaultPath, `is ${defaultPriorityLevel} for requests without a priority`);
  return { levels: Number(priorityLevels), defaultLevel: Number(defaultPriorityLevel) };
}

function mapPolicies({ priorityQueuePolicy }: ModelDynamicBatching, levels: number, findings: Findings): QueuePolicies["policies"] {
  const path = ["dynamic_batching", "priority_queue_policy"];
  const policies = new Map<number, QueuePolicy>();
  if (levels === 0 && priorityQueuePolicy.size > 0) findings.warn(path, "is left out: there are no priority_levels");
  if (levels === 0) return policies;
  for (const [level, policy] of priorityQueuePolicy) {
    if (level < 1n || level > BigInt(levels)) findings.refuse(path, `must be for levels from 1 to ${levels}, got ${level}`);
    else policies.set(Number(level), mapPolicy(policy, [...path, Number(level)], findings));
  }
  return policies;
}

function mapPolicy(policy: ModelQueuePolicy, path: FieldPath, findings: Findings): QueuePolicy {
  const mapped: QueuePolicy = {
    timeoutMs: toMs(policy.defaultTimeoutMicroseconds),
    onTimeout: policy.timeoutAction === ModelQueuePolicy_TimeoutAction.DELAY ? "delay" : "reject",
    allowOverride: policy.allowTimeoutOverride,
    maxQueueRequests: policy.maxQueueSize,
  };
  if (policy.timeoutAction > ModelQueuePolicy_TimeoutAction.DELAY || policy.timeoutAction < 0) {
    findings.refuse([...path, "timeout_action"], `must be REJECT or DELAY, got ${policy.timeoutAction}`);
  }
  const { timeoutMs, onTimeout, allowOverride, maxQueueRequests } = mapped;
  const late = onTimeout === "delay" ? "it waits behind all others" : "it is refused";
  const parts = [
    timeoutMs === 0 ? "lets a request wait until its deadline" : `lets a request wait ${timeoutMs} ms, after which ${late}`,
    allowOverride ? `it may bring a shorter timeout${timeoutMs === 0 ? `, after which ${late}` : ""}` : "it may not bring another timeout",
    maxQueueRequests === 0 ? "any number may wait" : `at most ${maxQueueRequests} may wait`,
  ];
  findings.mapped(path, parts.join("; "));
  return mapped;
}

/** Triton refuses what would answer out of order in spite of `preserve_ordering`. */
function checkOrder(batching: ModelDynamicBatching, findings: Findings): void {
  if (!batching.preserveOrdering) return;
  const path = ["dynamic_batching", "preserve_ordering"];
  const policies = [
    ...(batching.defaultQueuePolicy === undefined ? [] : [batching.defaultQueuePolicy]),
    ...batching.priorityQueuePolicy.values(),
  ];
  const delays = policies.some(
    ({ timeoutAction, defaultTimeoutMicroseconds }) =>
      timeoutAction === ModelQueuePolicy_TimeoutAction.DELAY && defaultTimeoutMicroseconds !== 0n,
  );
  if (batching.priorityLevels > 1n) findings.refuse(path, "must be false with more than one priority level");
  else if (delays) findings.refuse(path, "must be false with a timeout whose action is DELAY");
  else findings.mapped(path, "runs and answers requests in the order of their arrival");
}
