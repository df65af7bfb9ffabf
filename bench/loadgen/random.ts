// The seeded random numbers of the bench.

/** A seeded generator of uniform numbers in (0, 1] (mulberry32), so that every server meets the same schedule. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (((t ^ (t >>> 14)) >>> 0) + 1) / 4294967296;
  };
}

/** Exponentially distributed number with this mean. */
export function exponential(random: () => number, mean: number): number {
  return -Math.log(random()) * mean;
}
