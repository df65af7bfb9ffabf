// Inflates compressed messages within the message limit.

import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import { ServiceError } from "../../errors.ts";
import type { ByteBudget } from "../../guard/byte-budget.ts";

const inflaters: Readonly<Record<string, (data: Buffer, options: { readonly maxOutputLength: number }) => Promise<Buffer>>> = {
  gzip: promisify<Buffer, { readonly maxOutputLength: number }, Buffer>(gunzip),
  deflate: promisify<Buffer, { readonly maxOutputLength: number }, Buffer>(inflate),
};

/** Messages that are inflated at the same time; a bomb of 65 KB becomes 64 MiB. */
const MAX_CONCURRENT = 2;
let inflating = 0;
const waiting: (() => void)[] = [];

/**
 * Inflates a message. Takes room for the largest message from the budget first, and keeps what the result really needs: the caller gives
 * `byteLength` of it back.
 * @throws ServiceError ENCODING_UNSUPPORTED, MESSAGE_TOO_LARGE or MESSAGE_MALFORMED.
 */
export async function decompress(message: Buffer, encoding: string, limitBytes: number, budget: ByteBudget): Promise<Buffer> {
  if (encoding === "identity") {
    throw new ServiceError("MESSAGE_MALFORMED", "The message is marked as compressed, but grpc-encoding names no compression.");
  }
  const inflater = Object.hasOwn(inflaters, encoding) ? inflaters[encoding] : undefined;
  if (inflater === undefined) {
    throw new ServiceError("ENCODING_UNSUPPORTED", "Messages may be compressed with gzip or deflate.");
  }
  if (inflating >= MAX_CONCURRENT) await new Promise<void>((resolve) => waiting.push(resolve));
  else inflating++;
  if (!budget.tryTake(limitBytes)) await new Promise<void>((resolve) => budget.wait(limitBytes, resolve));
  let kept = 0;
  try {
    const inflated = await inflater(message, { maxOutputLength: limitBytes });
    kept = inflated.byteLength;
    return inflated;
  } catch (error) {
    if (error instanceof RangeError) throw messageTooLarge(limitBytes, undefined);
    throw new ServiceError("MESSAGE_MALFORMED", "The message cannot be decompressed.", { cause: error });
  } finally {
    budget.give(limitBytes - kept);
    const next = waiting.shift();
    if (next === undefined) inflating--;
    else next();
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
