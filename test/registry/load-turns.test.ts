// Sweeps measure nothing beside a load or another sweep.

import { expect, test } from "@jest/globals";
import { LoadTurns } from "../../src/registry/load-turns.ts";

/** Work that notes its begin and end, and ends when the test says. */
function work(log: string[], name: string): { readonly run: () => Promise<string>; end(): void; fail(): void } {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  return {
    async run() {
      log.push(`${name} begins`);
      try {
        return await promise;
      } finally {
        log.push(`${name} ends`);
      }
    },
    end: () => resolve(name),
    fail: () => reject(new Error(name)),
  };
}

/** Everything that can go on has gone on. */
async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
}

test("a sweep waits for the loads of its moment and for the sweep before it; a load waits for nobody", async () => {
  const turns = new LoadTurns();
  const log: string[] = [];
  const [first, second, load, late] = [work(log, "first"), work(log, "second"), work(log, "load"), work(log, "late")];
  const sweeps = [turns.sweep(first.run), turns.sweep(second.run)];
  const loads = [turns.load(load.run)];
  await settled();
  expect(log).toEqual(["load begins"]);
  load.end();
  await settled();
  loads.push(turns.load(late.run));
  first.end();
  await settled();
  expect(log).toEqual(["load begins", "load ends", "first begins", "late begins", "first ends"]);
  late.end();
  second.end();
  expect(await Promise.all([...sweeps, ...loads])).toEqual(["first", "second", "load", "late"]);
  expect(log.slice(5)).toEqual(["late ends", "second begins", "second ends"]);
});

test("what fails holds nobody up", async () => {
  const turns = new LoadTurns();
  const log: string[] = [];
  const [load, first, second] = [work(log, "load"), work(log, "first"), work(log, "second")];
  load.fail();
  first.fail();
  second.end();
  const outcomes = await Promise.allSettled([turns.load(load.run), turns.sweep(first.run), turns.sweep(second.run)]);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
});
