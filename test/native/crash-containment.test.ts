// A model whose process crashes a hundred times, while it runs and between runs, from within and from without: no wrong answer, and nobody
// else notices.

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { request } from "../support/clients.ts";
import type { Clients } from "../support/clients.ts";
import { double, identity, slow } from "../support/models.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { floatsOf, fp32 } from "../support/wire-tensors.ts";
import { allGone, childrenOf } from "../support/worker-processes.ts";

const CRASHES = 100;
const PROCESSES = 4;
const SIGNALS = ["SIGKILL", "SIGSEGV", "SIGABRT"] as const;
/** Long enough that most crashes of the busy model fall into a run. */
const STEPS = 60;

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    models: {
      "fragile/model.onnx": slow(),
      "fragile/model.yaml": `execution: process\ninstances: ${PROCESSES}\nintraOpThreads: 1\n`,
      "idle/model.onnx": double(),
      "idle/model.yaml": "execution: process\ninstances: 1\n",
      "sound.onnx": identity("float"),
    },
    flags: ["--max-workers", String(PROCESSES), "--max-respawn-ms", "50"],
  });
});
afterAll(() => server?.stop());

/** Worker processes that are there, or only those of them that have their model, as the log tells. */
function processes(onlyReady: boolean): number[] {
  const current = new Map<unknown, { pid: number; ready: boolean }>();
  // The first ones had their models before the server was SERVING.
  let isStart = true;
  for (const { msg, worker, pid } of server.log) {
    if (msg === "models settled") isStart = false;
    if (msg === "worker process started") current.set(worker, { pid: Number(pid), ready: isStart });
    if (msg === "worker replaced") current.get(worker)!.ready = true;
    if (msg === "worker lost; replacing it") current.delete(worker);
  }
  return [...current.values()].filter(({ ready }) => ready || !onlyReady).map(({ pid }) => pid);
}

interface Tally {
  answered: number;
  wrong: number;
  readonly refused: Record<string, number>;
}

/** One caller after the other until told to stop; every answer is looked at. */
async function callOn(
  clients: Clients,
  model: string,
  inputOf: (turn: number) => number[],
  stop: AbortSignal,
  tally: Tally,
): Promise<void> {
  for (let turn = 0; !stop.aborted; turn++) {
    const values = inputOf(turn);
    const wanted = model === "idle" ? values.map((value) => 2 * value) : values;
    const { response, failure } = await clients.predict(request(model, [fp32("X", [1, values.length], values)]), { timeoutMs: 20_000 });
    if (failure !== undefined) tally.refused[failure.reason] = (tally.refused[failure.reason] ?? 0) + 1;
    else if (floatsOf(response?.outputs[0]).join() === wanted.join()) tally.answered++;
    else tally.wrong++;
    // A caller that is told to come again does not come at once.
    if (failure !== undefined) await pause(20);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const newTally = (): Tally => ({ answered: 0, wrong: 0, refused: {} });

test(`${CRASHES} crashes cost the runs they fall into and nothing else`, async () => {
  const stop = new AbortController();
  const [fragile, idle, sound] = [newTally(), newTally(), newTally()];
  const others = server.connect();
  const callers = [
    ...Array.from({ length: 6 }, (_, caller) => callOn(server, "fragile", (turn) => [STEPS, caller * 1e5 + turn], stop.signal, fragile)),
    ...Array.from({ length: 3 }, (_, caller) => callOn(others, "sound", (turn) => [caller, turn, 2, 3], stop.signal, sound)),
    callOn(others, "idle", (turn) => [turn, 1], stop.signal, idle),
  ];
  const killed = new Set<number>();
  for (let crashes = 0; crashes < CRASHES;) {
    // Half of them fall where the models are served, the others also where a process is still beginning.
    const onlyReady = crashes % 2 === 0;
    const victims = processes(onlyReady).filter((pid) => !killed.has(pid));
    const victim = victims[crashes % Math.max(1, victims.length)];
    if (victim !== undefined) {
      process.kill(victim, SIGNALS[crashes % SIGNALS.length]);
      killed.add(victim);
      crashes++;
    }
    await pause(10);
  }
  const answeredBefore = [fragile, idle, sound].map(({ answered }) => answered);
  while ([fragile, idle].some(({ answered }, i) => answered < answeredBefore[i]! + 20)) await pause(10);
  stop.abort();
  await Promise.all(callers);

  expect({ fragile: fragile.wrong, idle: idle.wrong, sound: sound.wrong }).toEqual({ fragile: 0, idle: 0, sound: 0 });
  expect(Object.keys(fragile.refused)).toEqual(["WORKER_LOST"]);
  expect(fragile.refused["WORKER_LOST"]).toBeGreaterThan(10);
  expect(Object.keys(idle.refused).filter((reason) => reason !== "WORKER_LOST")).toEqual([]);
  expect(sound.refused).toEqual({});
  expect(sound.answered).toBeGreaterThan(1000);
  expect(server.log.filter(({ msg }) => msg === "worker lost; replacing it")).toHaveLength(CRASHES);
  expect(await server.check("")).toBe("SERVING");
  const pids = childrenOf(server.pid);
  expect(pids).toHaveLength(PROCESSES + 1);
  expect(await server.stop()).toBe(0);
  await allGone([...pids, ...killed]);
}, 60_000);
