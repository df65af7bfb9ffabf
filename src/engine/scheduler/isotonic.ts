// The non-decreasing sequence that is nearest to a measured one.

/**
 * Weighted isotonic regression by pooling adjacent violators, in place. Neighbours that fall are replaced by their weighted mean, so that
 * one odd value counts for as much as it weighs and no more; a running maximum would let it raise everything behind it.
 * @param values of which the first `weights.length` are read and replaced. @param weights above zero.
 */
export function makeIsotonic(values: Float64Array, weights: readonly number[]): void {
  /** Pools so far: their weighted mean stands at the place of the pool's number. */
  const poolWeights: number[] = [];
  const poolSizes: number[] = [];
  for (let i = 0; i < weights.length; i++) {
    let value = values[i]!;
    let weight = weights[i]!;
    let size = 1;
    while (poolSizes.length > 0 && values[poolSizes.length - 1]! > value) {
      const before = poolWeights.pop()!;
      const mean = values[poolSizes.length - 1]!;
      size += poolSizes.pop()!;
      value = (mean * before + value * weight) / (before + weight);
      weight += before;
    }
    values[poolSizes.length] = value;
    poolWeights.push(weight);
    poolSizes.push(size);
  }
  // From the end: a pool's number is never above its first place, so nothing unread is overwritten.
  let place = weights.length;
  for (let pool = poolSizes.length - 1; pool >= 0; pool--) {
    const mean = values[pool]!;
    for (let left = poolSizes[pool]!; left > 0; left--) values[--place] = mean;
  }
}
