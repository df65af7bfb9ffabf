import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { App } from "../../src/app.ts";
import type { RawConnection } from "../support/raw-h2.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import { startApp } from "./start-app.ts";

const CHECK = "/grpc.health.v1.Health/Check";
const IDLE_MS = 300;

let app: App;
beforeAll(async () => {
  app = await startApp({ maxConnectionIdleMs: IDLE_MS, maxStreamIdleMs: IDLE_MS });
});
afterAll(() => app.stop());

/** Calls until the time is over; the connection is never without a stream for long. */
async function keepBusy(connection: RawConnection, ms: number): Promise<string[]> {
  const codes: string[] = [];
  const end = performance.now() + ms;
  while (performance.now() < end) codes.push((await connection.call(CHECK, { body: frame(Buffer.alloc(0)) }).answer).status.code);
  return codes;
}

test("a connection in use is not idle, one without streams is asked to go", async () => {
  const connection = connectRaw(app.grpcAddress);
  const codes = await keepBusy(connection, 3 * IDLE_MS);
  expect(new Set(codes)).toEqual(new Set(["OK"]));
  const quietSince = performance.now();
  await expect(connection.closed).resolves.toBe(0);
  expect(performance.now() - quietSince).toBeGreaterThan(IDLE_MS / 2);
});

test("a connection with an open stream is not idle", async () => {
  const connection = connectRaw(app.grpcAddress);
  const watch = connection.call("/grpc.health.v1.Health/Watch", { body: frame(Buffer.alloc(0)) });
  const other = connectRaw(app.grpcAddress);
  await other.closed;
  // The other connection went away in the meantime; this one, with a silent stream, did not.
  expect((await connection.call(CHECK, { body: frame(Buffer.alloc(0)) }).answer).status.code).toBe("OK");
  watch.stream.close();
  connection.close();
});
