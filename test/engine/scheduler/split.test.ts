// How large a request may be that is cut into the jobs of several runs.

import { afterEach, expect, test } from "@jest/globals";
import { endCalls, send, setUp } from "./fake-instance.ts";

afterEach(endCalls);

const rows = (count: number): readonly number[] => Array.from<number>({ length: count }).fill(0);

test("a request that would become more jobs than memory has room for is refused, whatever its rows cost the caller", async () => {
  const { engine } = setUp({ maxBatchSize: 1, maxQueueRows: 10 });
  void send(engine, rows(65_536)).result.catch(() => {});
  expect(engine.statistics().queuedRows).toBe(65_535);
  endCalls();
  expect(engine.statistics().queuedRows).toBe(0);
  await expect(send(engine, rows(65_537)).result).rejects.toMatchObject({
    reason: "INPUT_TOO_LARGE",
    code: "RESOURCE_EXHAUSTED",
    metadata: { stage: "admit", rows: "65537", maxBatchSize: "1" },
  });
  expect(engine.statistics().queuedRows).toBe(0);
});

test("a request that is not cut has no such limit", () => {
  const { engine, runs } = setUp({ maxBatchSize: 1, batched: false });
  void send(engine, rows(65_537));
  expect(runs[0]!.values.length).toBe(65_537);
});
