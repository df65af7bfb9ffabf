// The mechanism below the streams of predictions, over a wire that the test plays.

import { expect, test } from "@jest/globals";

import { loadConfig } from "../../../../src/config/load-config.ts";
import { ServiceError } from "../../../../src/errors.ts";
import { PredictionStream } from "../../../../src/transport/grpc/methods/prediction-stream.ts";
import type { WireCall } from "../../../../src/transport/grpc/wire-call.ts";

/** An answer: one byte for its number, or as many as it says. */
interface Answer {
  readonly number: number;
  readonly bytes?: number;
}

/** A client that takes what it is sent only when told to. */
function createWire() {
  const wire = {
    arrivedAt: performance.now(),
    ended: false,
    unsentBytes: 0,
    isPaused: false,
    sent: [] as number[],
    error: undefined as ServiceError | undefined,
    drained: undefined as (() => void) | undefined,
    timeoutMs: () => undefined,
    counted: 0,
    countAnswers: (bytes: number) => void (wire.counted = bytes),
    pauseReading: () => void (wire.isPaused = true),
    resumeReading: () => void (wire.isPaused = false),
    send(frames: Buffer) {
      wire.unsentBytes += frames.length;
      for (let at = 0; at < frames.length; at += 5 + frames.readUInt32BE(at + 1)) wire.sent.push(frames[at + 5]!);
      return true;
    },
    onDrained: (callback: () => void) => void (wire.drained = callback),
    take() {
      wire.unsentBytes = 0;
      wire.drained?.();
    },
    finish: () => void (wire.ended = true),
    fail(error: ServiceError) {
      wire.ended = true;
      wire.error = error;
    },
  };
  return wire;
}

function open(maxInFlightPerStream: number) {
  const wire = createWire();
  const config = loadConfig({ flags: { modelDir: "models", maxInFlightPerStream }, env: {}, cwd: "." });
  // Everything of a call that a stream touches is there.
  const stream = new PredictionStream<Answer>(wire as unknown as WireCall, config, {
    size: ({ bytes = 1 }) => bytes,
    encode(writer, { number, bytes = 1 }) {
      writer.buffer[writer.at] = number;
      writer.at += bytes;
    },
  });
  return { wire, stream };
}

/** When everything of this turn has been written. */
const written = () => new Promise((resolve) => setImmediate(resolve));

test("refusals that wait for their turn take places like predictions", async () => {
  const { wire, stream } = open(3);
  const first = stream.begin(true, 1000);
  stream.refuse({ number: 2 }, true);
  expect(wire.isPaused).toBe(false);
  stream.refuse({ number: 3 }, true);
  expect(wire.isPaused).toBe(true);
  await written();
  expect(wire.sent).toEqual([]);

  stream.answer(first, { number: 1 });
  await written();
  expect(wire.sent).toEqual([1, 2, 3]);
  expect(wire.isPaused).toBe(false);
  stream.closed();
});

test("a refusal that leaves at once does not pause reading, which nothing would resume", async () => {
  const { wire, stream } = open(1);
  stream.refuse({ number: 1 }, true);
  stream.refuse({ number: 2 }, false);

  expect(wire.isPaused).toBe(false);
  await written();
  expect(wire.sent).toEqual([1, 2]);
  stream.closed();
});

test("answers that wait for their turn hold reading up when they are large, until their turn has come", async () => {
  const { wire, stream } = open(100);
  const bytes = 400_000;
  const [first, ...behind] = [1, 2, 3, 4, 5].map(() => stream.begin(true, 1000));
  stream.answer(behind[1]!, { number: 3, bytes });
  stream.answer(behind[0]!, { number: 2, bytes });
  expect(wire.isPaused).toBe(false);
  stream.answer(behind[2]!, { number: 4, bytes });
  expect(wire.isPaused).toBe(true);
  expect(wire.counted).toBe(3 * bytes);
  // What is in flight already is answered all the same.
  stream.answer(behind[3]!, { number: 5 });
  expect(wire.isPaused).toBe(true);

  stream.answer(first!, { number: 1 });
  await written();
  expect(wire.sent).toEqual([1, 2, 3, 4, 5]);
  expect(wire.counted).toBe(wire.unsentBytes);
  wire.take();
  expect(wire).toMatchObject({ isPaused: false, counted: 0 });
  stream.halfClose();
  expect(wire.ended).toBe(true);
});

test("an error that waits for its turn cancels what is behind it, and reading ends", async () => {
  const { wire, stream } = open(10);
  const [first, failing, behind] = [stream.begin(true, 1000), stream.begin(true, 1000), stream.begin(true, 1000)];
  const beside = stream.begin(false, 1000);
  const error = new ServiceError("MODEL_RUN_FAILED", "It failed.");
  stream.answer(failing, error);
  expect([first, behind, beside].map(({ call }) => call.isAlive())).toEqual([true, false, true]);
  expect(wire.isPaused).toBe(true);
  void stream.send({ number: 8 });
  stream.answer(behind, { number: 3 });
  expect(wire.isPaused).toBe(true);

  stream.answer(first, { number: 1 });
  expect(wire).toMatchObject({ ended: true, error, sent: [8, 1] });
  expect(beside.call.isAlive()).toBe(false);
});

test("who answers without ever waiting is written out and held back all the same", async () => {
  const { wire, stream } = open(10);
  const item = stream.begin(false, 1000);
  const bytes = 300_000;
  const held = [1, 2, 3, 4].map((number) => stream.send({ number, bytes }));
  expect(held.map((promise) => promise !== undefined)).toEqual([false, false, false, true]);
  expect(wire).toMatchObject({ sent: [1, 2, 3, 4], isPaused: true });

  wire.take();
  await held[3];
  expect(wire.isPaused).toBe(false);
  expect(stream.send({ number: 5 })).toBeUndefined();
  stream.finish(item);
  stream.halfClose();
  expect(wire).toMatchObject({ ended: true, sent: [1, 2, 3, 4, 5] });
});

test.each([
  ["the client goes", (stream: PredictionStream<Answer>) => stream.closed()],
  ["the stream fails", (stream: PredictionStream<Answer>) => stream.fail(new ServiceError("INTERNAL", "It failed."))],
])("who is held back is let go when %s", async (_what, end) => {
  const { stream } = open(10);
  const { call } = stream.begin(false, 1000);
  const held = stream.send({ number: 1, bytes: 2_000_000 });
  expect(held).toBeDefined();
  end(stream);

  await held;
  expect(call.isAlive()).toBe(false);
});
