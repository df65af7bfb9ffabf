// The timestamps of a traced request, and the text of a trace.

import { expect, test } from "@jest/globals";
import { createTrace, renderTrace, type TracedRequest } from "../../src/telemetry/trace.ts";

const REQUEST: TracedRequest = {
  model: "digits",
  version: "3",
  requestId: "r-1",
  startedAtEpochMs: 1_700_000_000_000.25,
  timings: { routeUs: 1, validateUs: 2, admitUs: 3, queueUs: 40, batchUs: 50, runUs: 600, postprocessUs: 7, totalUs: 710 },
};

const NAMES = [
  "GRPC_WAITREAD_START",
  "REQUEST_START",
  "QUEUE_START",
  "COMPUTE_START",
  "COMPUTE_INPUT_END",
  "COMPUTE_OUTPUT_START",
  "COMPUTE_END",
  "REQUEST_END",
];

test("the timestamps stand between the stages, exact to the microsecond", () => {
  const { timestamps } = createTrace(1, REQUEST);
  expect(timestamps.map(({ name }) => name)).toEqual(NAMES);
  const started = 1_700_000_000_000_250_000n;
  expect(timestamps.map(({ ns }) => (ns - started) / 1000n)).toEqual([0n, 0n, 6n, 46n, 96n, 696n, 703n, 710n]);
});

test("stages that were rounded up to more than the whole do not turn time back", () => {
  const { timestamps } = createTrace(1, { ...REQUEST, timings: { ...REQUEST.timings, totalUs: 702 } });
  const [computeEnd, requestEnd] = timestamps.slice(-2);
  expect(requestEnd?.ns).toBe(computeEnd?.ns);
});

test("the text is Triton's: objects joined by their id, nanoseconds and version as numbers of any size", () => {
  const text = renderTrace(createTrace(7, { ...REQUEST, version: "9007199254740993" }));
  expect(text).toContain('{"name":"REQUEST_START","ns":1700000000000250000}');
  expect(text).toContain('"model_version":9007199254740993');
  const elements = JSON.parse(`[${text}]`) as readonly {
    readonly id: number;
    readonly timestamps?: readonly { readonly name: string }[];
  }[];
  expect(elements).toEqual([
    { id: 7, timestamps: [{ name: "GRPC_WAITREAD_START", ns: expect.any(Number) }] },
    { id: 7, model_name: "digits", model_version: expect.any(Number), request_id: "r-1" },
    { id: 7, timestamps: NAMES.slice(1).map((name) => ({ name, ns: expect.any(Number) })) },
  ]);
});

test("names and ids are escaped; no id, no field", () => {
  const odd = 'a"\\\n\u0000é😀';
  const parse = (requestId: string) =>
    (JSON.parse(`[${renderTrace(createTrace(1, { ...REQUEST, model: odd, requestId }))}]`) as unknown[])[1];
  expect(parse(odd)).toEqual({ id: 1, model_name: odd, model_version: 3, request_id: odd });
  expect(parse("")).toEqual({ id: 1, model_name: odd, model_version: 3 });
});
