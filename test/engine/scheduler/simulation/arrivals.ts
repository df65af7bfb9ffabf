// When requests come, and what they bring.

import type { Random } from "./random.ts";
import { gap } from "./random.ts";

/** One request of a schedule. */
export interface Arrival {
  /** Milliseconds since the start. */
  readonly at: number;
  readonly rows: number;
  readonly sloMs: number;
  /** 0 for none. */
  readonly priority: number;
  /** Where requests are padded. */
  readonly length?: number;
}

/** Draws what one request brings. */
export type Draw = (random: Random) => Omit<Arrival, "at">;

/** The usual request: one row, one deadline, no level. */
export function plain(sloMs: number): Draw {
  return () => ({ rows: 1, sloMs, priority: 0 });
}

/** Half of them with 0.6 of the deadline, half with twice as much. */
export function mixed(sloMs: number): Draw {
  return (random) => ({ rows: 1, sloMs: random() < 0.5 ? 0.6 * sloMs : 2 * sloMs, priority: 0 });
}

/** Requests that know nothing of each other. @param perMs mean rate, or the rate at a time. */
export function poisson(random: Random, count: number, perMs: number | ((at: number) => number), draw: Draw): readonly Arrival[] {
  const arrivals: Arrival[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    at += gap(random, typeof perMs === "number" ? perMs : perMs(at));
    arrivals.push({ at, ...draw(random) });
  }
  return arrivals;
}

/** Three times the mean rate for 150 ms, then a third of it for 450 ms, on average. */
export function bursts(random: Random, count: number, perMs: number, draw: Draw): readonly Arrival[] {
  let isBurst = false;
  let endsAt = gap(random, 1 / 450);
  return poisson(
    random,
    count,
    (at) => {
      while (at > endsAt) {
        isBurst = !isBurst;
        endsAt += gap(random, 1 / (isBurst ? 150 : 450));
      }
      return perMs * (isBurst ? 3 : 1 / 3);
    },
    draw,
  );
}
