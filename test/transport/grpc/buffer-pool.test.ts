// The memory of messages: used again where that pays, given back at once where it is large, never taken from others.

import { expect, test } from "@jest/globals";

import { GrowingBuffer } from "../../../src/transport/grpc/buffer-pool.ts";

const MIB = 1024 * 1024;

/** A message that has come whole, and the memory it lies in. */
function received(size: number): { readonly message: GrowingBuffer; readonly memory: ArrayBufferLike } {
  const message = new GrowingBuffer(size);
  message.append(Buffer.alloc(size, 1), 0, size);
  return { message, memory: message.bytes.buffer };
}

test("large memory is given back with its message, and not when the garbage collector comes along", () => {
  const { message, memory } = received(20 * MIB);
  expect(message.bytes[20 * MIB - 1]).toBe(1);
  message.release();
  message.release();

  expect(memory.byteLength).toBe(0);
});

test("memory that fits the pool is used again, and what the pool has no room for is given back", () => {
  // The pool keeps 64 MiB.
  const messages = Array.from({ length: 6 }, () => received(16 * MIB));
  for (const { message } of messages) message.release();
  const kept = messages.filter(({ memory }) => memory.byteLength > 0);
  expect(kept.length).toBeGreaterThan(0);
  expect(kept.length).toBeLessThanOrEqual(4);

  const again = received(16 * MIB);
  expect(kept.map(({ memory }) => memory)).toContain(again.memory);
  again.message.release();
});

test("small memory is shared with others and left alone", () => {
  const { message, memory } = received(1000);
  const { byteLength } = memory;
  message.release();

  expect(memory.byteLength).toBe(byteLength);
});
