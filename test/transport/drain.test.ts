// SIGTERM under load: nothing a caller has sent is lost, whichever method it used, and the process ends with 0.

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import type { HealthCheckResponse } from "../../generated/grpc/health/v1/health.ts";
import type { PredictSessionResponse } from "../../generated/predictd/v1/prediction.ts";
import { createClients, request, servingName } from "../support/clients.ts";
import { slow } from "../support/models.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { openSession } from "../support/session.ts";
import { floatsOf, fp32 } from "../support/wire-tensors.ts";

const CALLERS = 20;
const CALLS_AFTER = 300;

let leaving: TestServer;
let staying: TestServer;
beforeAll(async () => {
  const options = { models: { "slow.onnx": slow() }, flags: ["--drain-delay-ms", "200", "--drain-timeout-ms", "2500"] };
  [leaving, staying] = await Promise.all([startServer(options), startServer(options)]);
});
afterAll(() => Promise.all([leaving?.stop(), staying?.stop()]));

test("a server leaves: no unary call fails, sessions are told, health says so first", async () => {
  const addresses = `ipv4:${leaving.address},${staying.address}`;
  const both = createClients(addresses, { "grpc.service_config": JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }) });
  const state = { left: false, calls: 0, callsAfter: 0 };
  const failures: unknown[] = [];
  const caller = async (number: number) => {
    while (state.callsAfter < CALLS_AFTER) {
      const { response, failure } = await both.predict(request("slow", [fp32("X", [1, 2], [10, number])]));
      if (failure !== undefined || floatsOf(response?.outputs[0])[1] !== number) failures.push(failure ?? response);
      state.calls++;
      if (state.left) state.callsAfter++;
    }
  };
  const health: string[] = [];
  const watch = leaving.health.watch({ service: "" });
  watch.on("data", (response: HealthCheckResponse) => health.push(servingName(response)));
  watch.on("error", () => {});
  const session = openSession(leaving.prediction);
  session.call.on("data", ({ message }: PredictSessionResponse) => message?.$case === "drain" && session.call.end());
  const deaf = openSession(leaving.prediction);
  const heard = await deaf.predict("first", request("slow", [fp32("X", [1, 2], [1, 0])]));
  const first = await session.predict("first", request("slow", [fp32("X", [1, 2], [1, 0])]));
  const load = Promise.all([...Array(CALLERS).keys()].map(caller));
  const underWay = session.predict("under way", request("slow", [fp32("X", [1, 2], [2000, 0])]));

  leaving.kill("SIGTERM");
  const exitCode = await leaving.exited;
  state.left = true;
  await load;
  both.close();

  expect(failures).toEqual([]);
  expect(state.calls).toBeGreaterThan(CALLS_AFTER);
  expect(exitCode).toBe(0);
  expect(health).toEqual(["SERVING", "NOT_SERVING"]);
  expect(first.response).toBeDefined();
  expect(heard.response).toBeDefined();
  expect((await underWay).response).toBeDefined();
  expect(session.drains).toHaveLength(1);
  expect(await session.ended).toBeUndefined();
  expect(deaf.drains).toHaveLength(1);
  expect(await deaf.ended).toMatchObject({ code: "UNAVAILABLE", reason: "SERVER_DRAINING" });
});
