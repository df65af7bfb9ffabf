// How requests of one model wait: levels of priority, and for each level how long and how many.

/**
 * Which requests are refused on arrival because of their deadline. `strict`: those that are predicted to be late when the batch they
 * ride in fills up and takes long. `lenient`: those that are late even when it does neither; more is dropped later, from the queue.
 */
export type Admission = "strict" | "lenient";

/**
 * When an idle instance waits for a fuller batch, where a longest wait is set. `auto`: the last idle one does, as long as the rows that are
 * expected gain more time than those that wait lose. `fixed`: every one does, until the wait is over.
 */
export type GateRule = "auto" | "fixed";

/** What happens to a request whose queue timeout passes: it is answered, or it waits behind all others of its level. */
export type TimeoutAction = "reject" | "delay";

/** How the requests of one level wait. */
export interface QueuePolicy {
  /** Longest wait for the start of the run in milliseconds; 0 for none. */
  readonly timeoutMs: number;
  readonly onTimeout: TimeoutAction;
  /** Whether a request may bring a shorter timeout, or one where the level has none. */
  readonly allowOverride: boolean;
  /** Most requests of the level that may wait; 0 for no limit of its own. */
  readonly maxQueueRequests: number;
}

/** How the requests of one model wait. */
export interface QueuePolicies {
  /** Levels of priority, 1 being the highest; 0: priority is ignored. */
  readonly levels: number;
  /** Level of a request that names none or one that does not exist; from 1 to `levels`, 0 without levels. */
  readonly defaultLevel: number;
  /** Of levels that have none of their own, and of models without levels. */
  readonly defaultPolicy: QueuePolicy;
  /** By level. */
  readonly policies: ReadonlyMap<number, QueuePolicy>;
}

/** Why requests that wait so cannot be answered in the order of their arrival; undefined when they can. */
export function whyOutOfOrder({ levels, defaultPolicy, policies }: QueuePolicies): string | undefined {
  if (levels > 1) return "more than one priority level";
  const delays = [defaultPolicy, ...policies.values()].some(({ onTimeout, timeoutMs }) => onTimeout === "delay" && timeoutMs > 0);
  return delays ? "a timeout whose action is DELAY" : undefined;
}

/** Whether overload, queue timeouts and requests of too many rows are treated as Triton does. */
export type Compat = "off" | "triton";

/** The same policies, but a request's own timeout counts only where the policy has one, as in Triton. */
export function likeTriton(queue: QueuePolicies): QueuePolicies {
  return bindTimeouts(queue, () => true);
}

/** The same policies, but no request brings a timeout that puts it behind others: they would all be answered after it. */
export function withoutOwnDelays(queue: QueuePolicies): QueuePolicies {
  return bindTimeouts(queue, ({ onTimeout }) => onTimeout === "delay");
}

function bindTimeouts(queue: QueuePolicies, binds: (policy: QueuePolicy) => boolean): QueuePolicies {
  const bind = (policy: QueuePolicy): QueuePolicy =>
    policy.timeoutMs === 0 && binds(policy) ? { ...policy, allowOverride: false } : policy;
  const policies = new Map([...queue.policies].map(([level, policy]) => [level, bind(policy)]));
  return { ...queue, defaultPolicy: bind(queue.defaultPolicy), policies };
}

/** No levels and no timeout but the request's own. */
export const PLAIN_QUEUE: QueuePolicies = Object.freeze({
  levels: 0,
  defaultLevel: 0,
  defaultPolicy: Object.freeze({ timeoutMs: 0, onTimeout: "reject", allowOverride: true, maxQueueRequests: 0 }),
  policies: new Map<number, QueuePolicy>(),
});
