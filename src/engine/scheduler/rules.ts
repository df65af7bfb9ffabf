// The numbers behind the scheduler's decisions.

import type { Admission } from "../queue-policy.ts";

/** As configured, or nobody is refused on arrival: for tests. */
export type AdmissionRule = Admission | "off";

/** What may be decided otherwise, by tests that show why it is decided so. */
export interface SchedulingRules {
  /** A batch is cut for its most urgent request only while rows per millisecond stay at this share of the full batch's. */
  readonly efficiencyFloor: number;
  /** One batch in so many is led by each lower level that has work. */
  readonly guardEvery: number;
  /** Whether requests of other levels join a batch only when they meet their own deadlines in it. */
  readonly checksRiders: boolean;
}

/** What holds with `compat: triton`: lower levels wait until there is nobody above them. */
export const TRITON_RULES: Partial<SchedulingRules> = Object.freeze({ guardEvery: Infinity });

/** What holds. */
export const RULES: SchedulingRules = Object.freeze({ efficiencyFloor: 0.97, guardEvery: 8, checksRiders: true });
