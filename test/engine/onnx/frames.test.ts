// Frames between the server and a worker process: whatever way the pipe cuts them, they come out as they went in.

import { Writable } from "node:stream";
import { expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { FrameReader, writeFrame } from "../../../src/engine/onnx/frames.ts";

interface Frame {
  readonly message: { readonly text: string };
  readonly body: readonly Uint8Array[];
}

function written(frames: readonly Frame[]): Buffer {
  const pieces: Buffer[] = [];
  const stream = new Writable({
    write(piece: Buffer, _encoding, done) {
      pieces.push(Buffer.from(piece));
      done();
    },
  });
  for (const { message, body } of frames) writeFrame(stream, message, body);
  return Buffer.concat(pieces);
}

function read(bytes: Buffer, cuts: readonly number[]): { readonly message: unknown; readonly body: Buffer }[] {
  const frames: { message: unknown; body: Buffer }[] = [];
  let pieces: Buffer[] = [];
  const reader = new FrameReader<unknown>({
    begin() {
      pieces = [];
      // Pieces are only valid during the call.
      return (piece) => pieces.push(Buffer.from(piece));
    },
    end: (message) => frames.push({ message, body: Buffer.concat(pieces) }),
  });
  let from = 0;
  for (const cut of [...cuts.map((at) => at % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]) {
    const piece = Buffer.from(bytes.subarray(from, cut));
    reader.push(piece);
    // The memory that a piece came in is used again.
    piece.fill(0xee);
    from = cut;
  }
  return frames;
}

const frame = fc.record({
  message: fc.record({ text: fc.string({ unit: "grapheme" }) }),
  body: fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }),
});

test("frames come out as they went in, however they are cut", () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 20 }), (frames, cuts) => {
      const expected = frames.map(({ message, body }) => ({ message, body: Buffer.concat(body) }));
      expect(read(written(frames), cuts)).toEqual(expected);
    }),
  );
});

test("byte by byte", () => {
  const frames = [
    { message: { text: "ä" }, body: [Uint8Array.of(1, 2), Uint8Array.of(), Uint8Array.of(3)] },
    { message: { text: "" }, body: [] },
  ];
  const bytes = written(frames);

  expect(read(bytes, [...bytes.keys()])).toEqual([
    { message: { text: "ä" }, body: Buffer.of(1, 2, 3) },
    { message: { text: "" }, body: Buffer.alloc(0) },
  ]);
});

test.each([
  ["a message that would be too long", Buffer.alloc(12, 0xff)],
  [
    "bytes that would be too many",
    Buffer.concat([Buffer.of(2, 0, 0, 0), Buffer.from(new Float64Array([1e300]).buffer), Buffer.from("{}")]),
  ],
  ["a fraction of a byte", Buffer.concat([Buffer.of(2, 0, 0, 0), Buffer.from(new Float64Array([0.5]).buffer), Buffer.from("{}")])],
  ["a message that is not JSON", Buffer.concat([Buffer.of(2, 0, 0, 0), Buffer.alloc(8), Buffer.from("{{")])],
])("%s is seen as what it is", (_, bytes) => {
  expect(() => read(bytes, [])).toThrow();
});
