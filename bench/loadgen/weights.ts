// Mixes: values with weights, how they are written and how one is drawn.

/** One value of a mix and its share relative to the others. */
export interface Weighted<T> {
  readonly value: T;
  /** Above 0; weights need not add up to 1. */
  readonly weight: number;
}

/**
 * Reads `48:0.5,160:0.5`, or `80` for one value.
 * @param parse reads one value, and throws where it cannot.
 * @throws Error for a weight that is no number above 0.
 */
export function parseWeights<T>(text: string, parse: (value: string) => T): readonly Weighted<T>[] {
  return text.split(",").map((part) => {
    const colon = part.lastIndexOf(":");
    const weight = colon < 0 ? 1 : Number(part.slice(colon + 1));
    if (!(weight > 0 && Number.isFinite(weight))) throw new Error(`${part}: the weight must be a number above 0.`);
    return { value: parse(colon < 0 ? part : part.slice(0, colon)), weight };
  });
}

/** Reads a positive number. @throws Error for anything else. */
export function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new Error(`${text} is not a number above 0.`);
  return value;
}

/** Reads a whole number of at least `min`. @throws Error for anything else. */
export function whole(text: string, min = 1): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min) throw new Error(`${text} is not a whole number of at least ${min}.`);
  return value;
}

/** Makes a function that draws an index of the mix by its weights. @throws Error for an empty mix. */
export function drawer(mix: readonly Weighted<unknown>[], random: () => number): () => number {
  if (mix.length === 0) throw new Error("A mix needs at least one value.");
  if (mix.length === 1) return () => 0;
  const sum = mix.reduce((total, { weight }) => total + weight, 0);
  let reached = 0;
  const bounds = mix.map(({ weight }) => (reached += weight / sum));
  return () => {
    const at = random();
    const index = bounds.findIndex((bound) => at <= bound);
    // Rounding may leave the last bound a little below 1.
    return index < 0 ? mix.length - 1 : index;
  };
}
