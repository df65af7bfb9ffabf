// Whether what a closed loop found is a server's capacity at all.

/** Share of failed calls up to which what was answered counts as the capacity: a server that refuses more is not saturated by its work. */
export const maxFailureShare = 0.01;
/** How far goodput may lie above what the capacity allows before the capacity must have been more than was found. */
export const maxAboveCeiling = 0.02;

/** The goodput that no server can exceed at a rate: what its capacity allows. Both in calls or rows per second. */
export function ceilingOf(capacity: number, rate: number): number {
  return Math.min(1, capacity / rate);
}

/** Whether more was answered in time than the capacity allows, which says that the capacity was not that. */
export function isAboveCeiling(goodput: number, ceiling: number): boolean {
  return goodput > ceiling + maxAboveCeiling;
}
