// Comparisons in turns: machines are shared and drift, so only runs beside each other are compared.

import { median, readable, spread } from "./numbers.ts";
import { okCount } from "./control.ts";
import type { ServerProcess } from "./processes.ts";

/** What one measurement of a round gives. */
export interface Measured {
  /** The compared quantity, mostly a rate. */
  readonly value: number;
  /** CPU time of the server per answer in microseconds, where it is known. */
  readonly cpuUs?: number;
}

/** Measures in the order A B A B …; returns the rounds of each. */
export async function alternate<Name extends string>(
  rounds: number,
  variants: Readonly<Record<Name, () => Promise<Measured>>>,
): Promise<Readonly<Record<Name, readonly Measured[]>>> {
  // The keys are those of the record given.
  const names = Object.keys(variants) as Name[];
  const measured = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Measured[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of names) measured[name].push(await variants[name]());
  }
  return measured;
}

/** The values of the rounds. */
export function valuesOf(rounds: readonly Measured[]): readonly number[] {
  return rounds.map(({ value }) => value);
}

/** Median of the values of the rounds. */
export function medianOf(rounds: readonly Measured[]): number {
  return median(valuesOf(rounds));
}

/** Ratio of each round, a over b. */
export function ratios(a: readonly Measured[], b: readonly Measured[]): readonly number[] {
  return a.map(({ value }, i) => value / b[i]!.value);
}

/** `rounds 31,000–33,000; 27 µs CPU each`. */
export function describe(rounds: readonly Measured[]): string {
  const cpu = rounds.flatMap(({ cpuUs }) => (cpuUs === undefined || cpuUs === 0 ? [] : [cpuUs]));
  return [spread(valuesOf(rounds)), ...(cpu.length > 0 ? [`${readable(median(cpu))} µs CPU each`] : [])].join("; ");
}

/** Runs a load and holds the client's count of OK answers against the server's own. */
export async function counted(
  server: ServerProcess,
  model: string,
  load: () => Promise<{ readonly perSecond: number; readonly okTotal: number; readonly failures?: Readonly<Record<string, number>> }>,
): Promise<Measured> {
  const countBefore = await okCount(server.port, model);
  const cpuBefore = server.cpuSeconds();
  const { perSecond, okTotal, failures } = await load();
  const cpuUs = ((server.cpuSeconds() - cpuBefore) * 1e6) / okTotal;
  const seen = (await okCount(server.port, model)) - countBefore;
  if (seen !== okTotal) throw new Error(`The client saw ${okTotal} OK answers, the server counted ${seen}.`);
  if (failures !== undefined && Object.keys(failures).length > 0)
    throw new Error(`Calls failed: ${JSON.stringify(failures)} by gRPC status.`);
  return { value: perSecond, cpuUs };
}
