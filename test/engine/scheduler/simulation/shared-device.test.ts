// Two models on one device, each on a lane of its own: in overload the device's time goes to work that comes home in time.

import { expect, test } from "@jest/globals";
import { Call } from "../../../../src/call.ts";
import type { Engine, EngineRequest } from "../../../../src/engine/engine.ts";
import type { BatchOutcome, Device } from "../../../../src/engine/scheduler/executor.ts";
import { createScheduler } from "../../../../src/engine/scheduler/scheduler.ts";
import { ServiceError } from "../../../../src/errors.ts";
import { createLane, queueOptions } from "../fake-instance.ts";
import type { Arrival } from "./arrivals.ts";
import { mixed, plain, poisson } from "./arrivals.ts";
import type { Profile } from "./profiles.ts";
import { capacityPerMs, knownLatency, LIGHT, RN } from "./profiles.ts";
import { createRandom } from "./random.ts";
import { createVirtualClock } from "./virtual-clock.ts";

const DEVICE: Device = { name: "gpu", tokens: 1, outlivesHungRuns: false };

/** From the end of a run to the answer of its callers it is three turns. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await Promise.resolve();
}

/** Shares of the requests of each model. */
interface Share {
  ok: number;
  late: number;
  offered: number;
}

/** Runs arrivals in turns over two models whose runs follow one another on the device. @param told whether the scheduler knows. */
async function simulateTwo(profile: Profile, arrivals: readonly Arrival[], seed: number, told: boolean): Promise<readonly Share[]> {
  const clock = createVirtualClock();
  const start = clock.now();
  const random = createRandom(seed);
  const scheduler = createScheduler(clock);
  let deviceFreeAt = 0;
  let inFlight = 0;
  const engines: readonly Engine[] = [0, 1].map(() =>
    scheduler.createEngine(
      queueOptions(
        [
          {
            lane: createLane(),
            ...(told ? { device: DEVICE } : {}),
            run: (_, rows) =>
              new Promise<BatchOutcome>((resolve) => {
                if (told) expect(++inFlight).toBe(1);
                const runMs = profile.runMs(rows) * LIGHT(random);
                deviceFreeAt = Math.max(deviceFreeAt, clock.now()) + runMs;
                clock.after(deviceFreeAt - clock.now(), () => {
                  inFlight--;
                  resolve({ outputs: [], runMs });
                });
              }),
          },
        ],
        { maxBatchSize: profile.maxBatchSize, maxQueueRows: Infinity, outputNames: [], latency: knownLatency(profile) },
      ),
    ),
  );
  const shares = engines.map((): Share => ({ ok: 0, late: 0, offered: 0 }));
  for (const [index, { at, rows, sloMs, priority }] of arrivals.entries()) {
    while (clock.nextAt <= start + at) {
      clock.fireNext();
      await settled();
    }
    clock.moveTo(start + at);
    const share = shares[index % 2]!;
    const due = start + at + sloMs;
    const call = new Call(due);
    const request: EngineRequest = { inputs: [], rows, shapeKey: "", outputs: [], priority, queueTimeoutMs: 0 };
    share.offered++;
    engines[index % 2]!.submit(request, call).then(
      () => {
        call.finish();
        if (clock.now() <= due) share.ok++;
        else share.late++;
      },
      (error: unknown) => {
        call.finish();
        if (!(error instanceof ServiceError)) throw error;
      },
    );
    await Promise.resolve();
  }
  while (clock.nextAt < Infinity) {
    clock.fireNext();
    await settled();
  }
  return shares;
}

test("both get their share of what is possible and next to nothing is late; without the token much of the work is in vain", async () => {
  const load = 1.3;
  const arrivals = poisson(createRandom(1), 20_000, load * capacityPerMs(RN), mixed(RN.sloMs));
  for (const { ok, late, offered } of await simulateTwo(RN, arrivals, 2, true)) {
    expect(ok / offered).toBeGreaterThan(0.9 / load);
    expect(late / offered).toBeLessThan(0.01);
  }
  for (const { ok, late, offered } of await simulateTwo(RN, arrivals, 2, false)) {
    expect(ok / offered).toBeLessThan(0.75 / load);
    expect(late / offered).toBeGreaterThan(0.1);
  }
});

test("below saturation nearly everybody is served, one deadline and mixed", async () => {
  for (const deadlines of [plain(RN.sloMs), mixed(RN.sloMs)]) {
    const arrivals = poisson(createRandom(3), 20_000, 0.6 * capacityPerMs(RN), deadlines);
    for (const { ok, offered } of await simulateTwo(RN, arrivals, 4, true)) {
      expect(ok / offered).toBeGreaterThan(0.99);
    }
  }
});
