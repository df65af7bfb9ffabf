// Lengths that a configuration gives to dimensions which no input has.

import type { Signature } from "../../tensor/signature.ts";

/**
 * @param dims lengths for trial runs by the symbol of the dimension.
 * @param hasRows whether the first dimension counts rows, whose number is not for the configuration to say.
 * @returns what is wrong, or undefined where every symbol is a free dimension of an input.
 */
export function whyDimsUnknown(dims: ReadonlyMap<string, number>, { inputs }: Signature, hasRows: boolean): string | undefined {
  const free = inputs.flatMap((spec) => spec.dims.slice(hasRows ? 1 : 0)).filter(({ size, symbol }) => size === -1 && symbol !== "");
  const known = [...new Set(free.map(({ symbol }) => symbol))];
  const unknown = [...dims.keys()].filter((symbol) => !known.includes(symbol));
  if (unknown.length === 0) return undefined;
  const have = known.length === 0 ? "no input has a free dimension with a name" : `the free dimensions of the inputs are ${list(known)}`;
  return `warmupDims names ${list(unknown)}; ${have}.`;
}

function list(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(", ");
}
