// Inflates compressed messages within the message limit.

import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import { ServiceError } from "../../errors.ts";
import type { ByteBudget } from "../../guard/byte-budget.ts";

type Inflater = (data: Buffer, options: { readonly maxOutputLength: number }) => Promise<Buffer>;

const inflaters: Readonly<Record<string, Inflater>> = {
  gzip: promisify<Buffer, { readonly maxOutputLength: number }, Buffer>(gunzip),
  deflate: promisify<Buffer, { readonly maxOutputLength: number }, Buffer>(inflate),
};

/** Messages that are inflated at the same time; a bomb of 65 KB becomes 64 MiB. */
const MAX_CONCURRENT = 2;
let inflating = 0;
const waiting: (() => void)[] = [];

/** Deflate makes at most 258 bytes of two bits. */
const MAX_RATIO = 1032;

/** What the format adds around the data at least. */
const FORMAT_BYTES = 64;

/** What is needed to inflate a message. */
export interface Inflation {
  /** Largest message. */
  readonly limitBytes: number;
  /** Resolves when so many bytes have been taken from the budget; rejects when there is no room or nobody wants the message any more. */
  readonly takeRoom: (bytes: number) => Promise<void>;
  /** Where they are given back. */
  readonly budget: Pick<ByteBudget, "give" | "take">;
}

/**
 * Inflates a message. Takes room for all that it may become first, and keeps what the result really needs: the caller gives `byteLength`
 * of it back.
 * @throws ServiceError ENCODING_UNSUPPORTED, MESSAGE_TOO_LARGE or MESSAGE_MALFORMED, or what `takeRoom` rejects with.
 */
export async function decompress(message: Buffer, encoding: string, { limitBytes, takeRoom, budget }: Inflation): Promise<Buffer> {
  if (encoding === "identity") {
    throw new ServiceError("MESSAGE_MALFORMED", "The message is marked as compressed, but grpc-encoding names no compression.");
  }
  const inflater = Object.hasOwn(inflaters, encoding) ? inflaters[encoding] : undefined;
  if (inflater === undefined) {
    throw new ServiceError("ENCODING_UNSUPPORTED", "Messages may be compressed with gzip or deflate.");
  }
  if (inflating >= MAX_CONCURRENT) await new Promise<void>((resolve) => waiting.push(resolve));
  else inflating++;
  try {
    return await inflateWithin(inflater, message, { limitBytes, takeRoom, budget });
  } finally {
    const next = waiting.shift();
    if (next === undefined) inflating--;
    else next();
  }
}

async function inflateWithin(inflater: Inflater, message: Buffer, { limitBytes, takeRoom, budget }: Inflation): Promise<Buffer> {
  // The message counts already, and is gone as soon as it is inflated: where one message may fill the budget, it still gets in.
  const room = Math.min(limitBytes, MAX_RATIO * message.byteLength + FORMAT_BYTES) - message.byteLength;
  await takeRoom(room);
  let kept = 0;
  try {
    const inflated = await inflater(message, { maxOutputLength: limitBytes });
    kept = inflated.byteLength;
    return inflated;
  } catch (error) {
    if (error instanceof RangeError) throw messageTooLarge(limitBytes, undefined);
    throw new ServiceError("MESSAGE_MALFORMED", "The message cannot be decompressed.", { cause: error });
  } finally {
    if (kept > room) budget.take(kept - room);
    else budget.give(room - kept);
  }
}

/** @param declaredBytes what the message's prefix says; undefined when it shows only while inflating. */
export function messageTooLarge(limitBytes: number, declaredBytes: number | undefined): ServiceError {
  const size = declaredBytes === undefined ? "decompresses to more" : `has ${declaredBytes} bytes`;
  return new ServiceError("MESSAGE_TOO_LARGE", `The message ${size}; ${limitBytes} are allowed (setting maxMessageBytes).`, {
    metadata: { maxMessageBytes: String(limitBytes), ...(declaredBytes === undefined ? {} : { declaredBytes: String(declaredBytes) }) },
    quota: { subject: "maxMessageBytes", description: `One message may have ${limitBytes} bytes.` },
  });
}
