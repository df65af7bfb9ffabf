// How mixes, addresses and inputs are written, and how many connections a schedule needs.

import { expect, test } from "@jest/globals";

import { enoughConnections } from "../../../bench/loadgen/run-options.ts";
import { makeSchedule } from "../../../bench/loadgen/schedule.ts";
import type { Schedule } from "../../../bench/loadgen/schedule.ts";
import { parseAddress, parseInput } from "../../../bench/loadgen/target.ts";
import { parseWeights, positive, whole } from "../../../bench/loadgen/weights.ts";

test("mixes", () => {
  expect(parseWeights("80", positive)).toEqual([{ value: 80, weight: 1 }]);
  expect(parseWeights("48:0.5,160:2", positive)).toEqual([
    { value: 48, weight: 0.5 },
    { value: 160, weight: 2 },
  ]);
  expect(() => parseWeights("48:0", positive)).toThrow("weight");
  expect(() => parseWeights("-4", positive)).toThrow("above 0");
  expect(() => parseWeights("1:1,2.5:1", (text) => whole(text))).toThrow("2.5 is not a whole number");
  expect(whole("0", 0)).toBe(0);
});

test("addresses", () => {
  expect(parseAddress("127.0.0.1:8001")).toEqual({ host: "127.0.0.1", port: 8001 });
  expect(parseAddress("http://localhost:3000/v1/{model}")).toEqual({ host: "localhost", port: 3000, path: "/v1/{model}" });
  expect(() => parseAddress("localhost")).toThrow("port");
});

test("inputs", () => {
  expect(parseInput("x:fp32:224x224x3")).toEqual({ name: "x", datatype: "FP32", rowShape: [224, 224, 3] });
  expect(parseInput("ids:INT64:L")).toEqual({ name: "ids", datatype: "INT64", rowShape: [-1] });
  expect(parseInput("x:FP32:")).toEqual({ name: "x", datatype: "FP32", rowShape: [] });
  expect(() => parseInput("x")).toThrow("expected");
  expect(() => parseInput("x:FP32:0")).toThrow("dimensions");
});

function poisson(rate: number, deadlineMs: number): Schedule {
  return makeSchedule({
    seed: 1,
    arrivals: { kind: "poisson" },
    rate,
    seconds: 0.01,
    warmupSeconds: 0,
    deadlinesMs: [{ value: deadlineMs, weight: 1 }],
    rows: [{ value: 1, weight: 1 }],
    models: [{ value: "m", weight: 1 }],
  });
}

test("connections suffice for all callers that wait, twice over", () => {
  expect(enoughConnections(poisson(12_000, 80), "oip-grpc", 250, 1000)).toBe(8);
  expect(enoughConnections(poisson(100, 80), "oip-grpc", 250, 1000)).toBe(4);
  expect(enoughConnections(poisson(500, Infinity), "json-http", 250, 1000)).toBe(1000);
});
