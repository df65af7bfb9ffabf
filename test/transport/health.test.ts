// Health: Check, Watch and List for the server, its services and every model.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import type { HealthCheckResponse, HealthListResponse } from "../../generated/grpc/health/v1/health.ts";
import { servingName, unary } from "../support/clients.ts";
import { identity } from "../support/models.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";

const SERVICES = ["", "predictd.v1.ModelService", "predictd.v1.PredictionService"];

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ models: { "floats.onnx": identity("float"), "corrupt.onnx": "not a model" } });
});
afterAll(() => server?.stop());

/** The first state that Watch gives. */
function firstOfWatch(service: string): Promise<string> {
  const call = server.health.watch({ service });
  return new Promise((resolve, reject) => {
    call.on("error", (error) => reject(error));
    call.once("data", (response: HealthCheckResponse) => {
      call.removeAllListeners("error").on("error", () => {});
      call.cancel();
      resolve(servingName(response));
    });
  });
}

const EXPECTED = [...SERVICES.map((service) => [service, "SERVING"] as const), ["floats", "SERVING"], ["corrupt", "NOT_SERVING"]] as const;

describe.each(EXPECTED)("%j is %s", (service, status) => {
  test("Check", async () => expect(await server.check(service)).toBe(status));

  test("Watch", async () => expect(await firstOfWatch(service)).toBe(status));
});

test("Check of an unknown service is NOT_FOUND, Watch waits for it as SERVICE_UNKNOWN", async () => {
  expect(await server.check("nobody")).toBe("NOT_FOUND");
  expect(await firstOfWatch("nobody")).toBe("SERVICE_UNKNOWN");
});

test("List names everything", async () => {
  const { response } = await unary<HealthListResponse>((done) => void server.health.list({}, done));
  const statuses = Object.entries(response!.statuses).map(([service, value]) => [service, servingName(value)]);

  expect(statuses).toEqual(expect.arrayContaining(EXPECTED.map((row) => [...row])));
});
