// When a server counts as recovered: soon for all of its callers, not only for the few that it answers.

import { expect, test } from "@jest/globals";
import type { Bin } from "../../bench/loadgen/result.ts";
import { recoverySeconds } from "../../bench/scenarios/recovery.ts";

const loadEndMs = 18_000;

/** Half load until 8 s, overload until 18 s, half load again. */
function seriesOf(after: (atMs: number) => Pick<Bin, "good" | "p99Ms">): { readonly series: readonly Bin[] } {
  const rest = { offered: 300, late: 0, unanswered: 0, refused: 0, unsent: 0, lost: 0 };
  const series = Array.from({ length: 60 }, (_, i) => {
    const atMs = 500 * i;
    const figures = atMs < 8000 ? { good: 300, p99Ms: 30 } : atMs < loadEndMs ? { good: 100, p99Ms: 79 } : after(atMs);
    return { atMs, ...rest, ...figures };
  });
  return { series };
}

test("a server that answers few callers, but those soon, has not recovered", () => {
  expect(
    recoverySeconds(
      seriesOf(() => ({ good: 6, p99Ms: 20 })),
      loadEndMs,
    ),
  ).toEqual({ normalMs: 30, seconds: Infinity });
  expect(
    recoverySeconds(
      seriesOf(() => ({ good: 296, p99Ms: 20 })),
      loadEndMs,
    ).seconds,
  ).toBe(Infinity);
  expect(
    recoverySeconds(
      seriesOf(() => ({ good: 297, p99Ms: 30 })),
      loadEndMs,
    ).seconds,
  ).toBe(0);
});

test("it has recovered from the first of three normal stretches of time on", () => {
  const lucky = seriesOf((atMs) => (atMs === 18_500 || atMs >= 20_000 ? { good: 300, p99Ms: 29 } : { good: 300, p99Ms: 31 }));
  expect(recoverySeconds(lucky, loadEndMs).seconds).toBe(2);
  const slow = seriesOf(() => ({ good: 300, p99Ms: 31 }));
  expect(recoverySeconds(slow, loadEndMs).seconds).toBe(Infinity);
});
