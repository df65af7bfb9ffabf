// The few lengths that requests are padded to.

/** Lengths from `minLength` to `maxLength`, ascending, in as few equal steps as keep each below `ratio`, but for rounding. */
export function bucketLengths(minLength: number, maxLength: number, ratio: number): readonly number[] {
  const steps = Math.ceil(Math.log(maxLength / minLength) / Math.log(ratio));
  const lengths = Array.from({ length: steps }, (_, step) => Math.round(minLength * (maxLength / minLength) ** (step / steps)));
  return [...new Set([...lengths, maxLength])];
}

/** The length that one is padded to: the shortest bucket that holds it. Nothing is added to 0; undefined for one that is too long. */
export function bucketOf(buckets: readonly number[], length: number): number | undefined {
  if (length === 0) return 0;
  let from = 0;
  let to = buckets.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (buckets[middle]! < length) from = middle + 1;
    else to = middle;
  }
  return buckets[from];
}

/** Rows that one run may take at a padded length: as many as fit into the token budget, and always one. */
export function rowsWithinTokens(maxRows: number, maxTokens: number, paddedLength: number): number {
  return Math.max(1, Math.min(maxRows, Math.floor(maxTokens / paddedLength)));
}
