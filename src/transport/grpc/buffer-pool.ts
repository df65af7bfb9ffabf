// Buffers for messages that come in several frames, used again so that large uploads do not feed the garbage collector.

/** Smaller messages are allocated: that is as cheap as the pool. */
const MIN_BYTES = 32 * 1024;

/** Larger ones are not kept: they would occupy the pool for a rare guest. */
const MAX_BYTES = 16 * 1024 * 1024;

/** What the pool keeps at most. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

const kept = new Map<number, ArrayBuffer[]>();
let keptBytes = 0;

/** A buffer of at least the size asked for, cut to it. */
export function acquireBuffer(byteLength: number): Buffer {
  if (byteLength < MIN_BYTES) return Buffer.allocUnsafe(byteLength);
  const size = 2 ** Math.ceil(Math.log2(byteLength));
  const memory = size > MAX_BYTES ? undefined : kept.get(size)?.pop();
  if (memory === undefined) {
    const capacity = size > MAX_BYTES ? byteLength : size;
    return Buffer.allocUnsafeSlow(capacity).subarray(0, byteLength);
  }
  keptBytes -= size;
  return Buffer.from(memory, 0, byteLength);
}

/** Gives a buffer of `acquireBuffer` back. Nobody may read it afterwards. */
export function releaseBuffer(buffer: Buffer): void {
  const memory = buffer.buffer as ArrayBuffer;
  const size = memory.byteLength;
  if (buffer.byteLength < MIN_BYTES || size > MAX_BYTES || keptBytes + size > MAX_KEPT_BYTES) return;
  const list = kept.get(size);
  if (list === undefined) kept.set(size, [memory]);
  else list.push(memory);
  keptBytes += size;
}
