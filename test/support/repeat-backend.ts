// A test-only backend of decoupled models: each element of the input comes back as a response of its own.

import type { Call } from "../../src/call.ts";
import type { Backend } from "../../src/engine/backend.ts";
import type { EngineRequest, StreamedResult } from "../../src/engine/engine.ts";
import { ServiceError } from "../../src/errors.ts";
import { IDLE_ENGINE, instantResult, plainModel } from "./plain-model.ts";

/** As the last element: the request ends with a result without outputs, as of an engine that learns too late which is the last. */
export const END_EMPTY = -1;

/** The request fails at this element. */
export const FAIL = -2;

/** As the last element: the element before it is the last response, and the model fails after it. */
export const FAIL_AFTER_LAST = -3;

/** The files of a model named `repeat`: IN INT32 [-1] in, OUT INT32 [1] for each element out. */
export const REPEAT_FILES: Readonly<Record<string, string>> = {
  "repeat/config.pbtxt": [
    `backend: "repeat"`,
    `model_transaction_policy { decoupled: true }`,
    `input { name: "IN" data_type: TYPE_INT32 dims: [-1] }`,
    `output { name: "OUT" data_type: TYPE_INT32 dims: [1] }`,
    "",
  ].join("\n"),
  "repeat/1/model.onnx": "",
};

/** The backend, and what its models are doing. */
export interface RepeatBackend extends Backend {
  /** Requests under way. */
  readonly running: number;
  /** Responses given so far. */
  readonly given: number;
  /** Resolves as soon as so many requests are under way. */
  whenRunning(count: number): Promise<void>;
}

/** Makes the backend. @param gate holds each element back until its promise resolves; by default nothing is held back. */
export function createRepeatBackend(gate: (element: number) => Promise<void> | undefined = () => undefined): RepeatBackend {
  let running = 0;
  let given = 0;
  const waiting = new Set<{ readonly count: number; readonly resolve: () => void }>();
  const move = (step: number): void => {
    running += step;
    for (const waiter of waiting) {
      if (waiter.count !== running) continue;
      waiting.delete(waiter);
      waiter.resolve();
    }
  };

  async function* stream({ inputs }: EngineRequest, call: Call): AsyncGenerator<StreamedResult> {
    const { bytes } = inputs[0]!;
    const elements = [...new Int32Array(Uint8Array.from(bytes).buffer)];
    if (elements.length === 0) elements.push(END_EMPTY);
    call.stage = "run";
    const aborted = Promise.withResolvers<never>();
    aborted.promise.catch(() => {});
    call.onAbort(aborted.reject);
    move(1);
    try {
      for (const [i, element] of elements.entries()) {
        const opened = gate(element);
        if (opened !== undefined) await Promise.race([opened, aborted.promise]);
        call.assertAlive();
        if (element === FAIL || element === FAIL_AFTER_LAST)
          throw new ServiceError("MODEL_RUN_FAILED", "The model failed, as it was asked to.");
        const last = i === elements.length - 1 || elements[i + 1] === FAIL_AFTER_LAST;
        if (element !== END_EMPTY) given++;
        yield { ...instantResult(element === END_EMPTY ? [] : [output(element)]), last };
      }
    } finally {
      move(-1);
    }
  }

  return {
    canBeDecoupled: true,
    explainFailure: String,
    get running() {
      return running;
    },
    get given() {
      return given;
    },
    whenRunning: (count) => (running === count ? Promise.resolve() : new Promise((resolve) => void waiting.add({ count, resolve }))),
    async load(options) {
      return plainModel({ ...IDLE_ENGINE, submit, stream }, options);
    },
  };
}

async function submit(): Promise<never> {
  throw new Error("A decoupled model was asked for one answer. This is a bug.");
}

function output(element: number): StreamedResult["outputs"][number] {
  return { name: "OUT", dtype: "INT32", shape: [1], bytes: new Uint8Array(Int32Array.of(element).buffer), problem: undefined };
}

/** Lets elements through one by one. */
export interface Gates {
  /** For `createRepeatBackend`. */
  readonly gate: (element: number) => Promise<void>;
  /** Lets these elements through, whether they wait already or not. */
  open(...elements: readonly number[]): void;
}

/** Makes gates that are all shut. */
export function createGates(): Gates {
  const gates = new Map<number, PromiseWithResolvers<void>>();
  const gateOf = (element: number): PromiseWithResolvers<void> => {
    const known = gates.get(element) ?? Promise.withResolvers<void>();
    gates.set(element, known);
    return known;
  };
  return {
    gate: (element) => gateOf(element).promise,
    open(...elements) {
      for (const element of elements) gateOf(element).resolve();
    },
  };
}
