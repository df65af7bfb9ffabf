// The deadlines of the comparison's callers.

/** Where all callers have the same, in milliseconds. */
export const deadlineMs = 80;
/** The shorter and the longer one of a mix, half of the calls each, in milliseconds. */
export const mixedDeadlinesMs = [48, 160] as const;
/** The longest of all, in milliseconds. */
export const longestDeadlineMs = mixedDeadlinesMs[1];
