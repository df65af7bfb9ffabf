// Worker threads are found by their name and moved; none to move is an error, because figures would be taken for what they are not.

import { expect, test } from "@jest/globals";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { chooseCores, pinWorkers } from "../../bench/lib/cores.ts";

const { server: core } = chooseCores();
// Only Linux with taskset can pin threads at all.
const testPinning = core === undefined ? test.skip : test;

testPinning("threads named as workers are moved, without any it throws", async () => {
  expect(() => pinWorkers(process.pid, core)).toThrow("has no thread named predictd-worker");
  const worker = new Worker("require('node:worker_threads').parentPort.once('message', () => {}).postMessage(0)", {
    eval: true,
    name: "predictd-worker-0",
  });
  try {
    await once(worker, "message");
    expect(pinWorkers(process.pid, core)).toBe(1);
    const moved = readdirSync("/proc/self/task").filter((tid) =>
      new RegExp(`^Cpus_allowed_list:\\s${core}$`, "m").test(readFileSync(`/proc/self/task/${tid}/status`, "utf8")),
    );
    const names = moved.map((tid) => readFileSync(`/proc/self/task/${tid}/comm`, "utf8").trim());
    expect(names).toEqual(["predictd-worker"]);
  } finally {
    await worker.terminate();
  }
});

test("nothing is moved without a core", () => {
  expect(pinWorkers(process.pid, undefined)).toBe(0);
});
