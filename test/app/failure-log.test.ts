// A flood of failures in a real server's log: as many lines as the setting allows, and a count of the rest.

import { expect, test } from "@jest/globals";
import { request } from "../support/clients.ts";
import { startServer } from "../support/server.ts";

const PER_SECOND = 3;
const CALLS = 60;

test("maxFailureLogsPerSecond limits the lines of one reason; none is lost from the count", async () => {
  const server = await startServer({ models: {}, flags: ["--max-failure-logs-per-second", String(PER_SECOND)] });
  const startedAt = performance.now();
  const flood = Array.from({ length: CALLS }, (_, i) => server.predict(request("nobody", [], { requestId: `call-${i}` })));
  for (const { failure } of await Promise.all(flood)) expect(failure?.reason).toBe("MODEL_NOT_FOUND");
  const seconds = Math.ceil((performance.now() - startedAt) / 1000);
  // The last second's count is written at the end.
  expect(await server.stop()).toBe(0);

  const lines = () => server.log.filter(({ reason }) => reason === "MODEL_NOT_FOUND");
  const calls = () => lines().filter(({ msg }) => msg === "call");
  const counts = () => lines().filter(({ msg }) => msg === "further calls");
  const total = () => counts().reduce((sum, { count }) => sum + Number(count), calls().length);
  // Lines of the log come by another way than the end of the process does.
  while (total() < CALLS) await new Promise(setImmediate);
  expect(total()).toBe(CALLS);
  expect(calls().length).toBeGreaterThanOrEqual(PER_SECOND);
  expect(calls().length).toBeLessThanOrEqual(PER_SECOND * (seconds + 1));
  expect(calls().every(({ requestId }) => /^call-\d+$/.test(String(requestId)))).toBe(true);
});
