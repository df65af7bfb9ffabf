import { expect, test } from "@jest/globals";
import type { SessionPlan, SessionWishes } from "../../../src/engine/onnx/session-plan.ts";
import { planSessions } from "../../../src/engine/onnx/session-plan.ts";
import type { Provider } from "../../../src/config/config.ts";

const NOTHING: SessionWishes = { execution: "thread", instances: 0, intraOpThreads: 0, modelCount: 1, deviceIds: [0] };

const none = (count: number) => Array.from<undefined>({ length: count });

test.each<readonly [string, Provider, Partial<SessionWishes>, number, number, Partial<SessionPlan>]>([
  ["one core is left, the rest is one instance", "cpu", {}, 4, 4, { deviceIds: none(1), intraOpThreads: 3, asked: 0 }],
  ["many cores are shared out by fours", "cpu", {}, 16, 16, { deviceIds: none(3), intraOpThreads: 4 }],
  ["a lone core serves all", "cpu", {}, 1, 1, { deviceIds: none(1), intraOpThreads: 1 }],
  ["many models get one thread each", "cpu", { modelCount: 17 }, 16, 16, { deviceIds: none(1), intraOpThreads: 1 }],
  ["a worker holds one", "cpu", { instances: 5 }, 2, 8, { deviceIds: none(2), asked: 5 }],
  ["the CPU has no numbers", "cpu", { instances: 2, deviceIds: [3, 4] }, 8, 8, { deviceIds: none(2), asked: 2 }],
  ["nor has WebGPU", "webgpu", { instances: 2, deviceIds: [3, 4] }, 8, 8, { deviceIds: none(2) }],
  ["the main thread holds one", "cpu", { execution: "inline", instances: 4 }, 8, 8, { deviceIds: none(1), intraOpThreads: 1, asked: 4 }],
  ["two on a CUDA device", "cuda", {}, 8, 8, { deviceIds: [0, 0], asked: 1 }],
  ["two on each, in turns", "cuda", { deviceIds: [2, 5] }, 8, 8, { deviceIds: [2, 5, 2, 5], asked: 2 }],
  ["as many as are asked for on each", "cuda", { instances: 3, deviceIds: [0, 1] }, 8, 8, { deviceIds: [0, 1, 0, 1, 0, 1], asked: 6 }],
  ["first one on each where workers are few", "cuda", { instances: 2, deviceIds: [0, 1] }, 3, 8, { deviceIds: [0, 1, 0], asked: 4 }],
  ["not every device where workers are fewer", "cuda", { deviceIds: [0, 1, 2] }, 2, 8, { deviceIds: [0, 1], asked: 3 }],
  ["more on one that stands twice", "cuda", { instances: 1, deviceIds: [0, 0, 1] }, 8, 8, { deviceIds: [0, 0, 1], asked: 3 }],
])("%s", (_, provider, wishes, maxWorkers, cores, expected) => {
  expect(planSessions(provider, { ...NOTHING, ...wishes }, maxWorkers, cores)).toMatchObject(expected);
});
