// Inflates compressed messages within the message limit.

import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import { ServiceError } from "../../errors.ts";

const inflaters: Readonly<Record<string, (data: Buffer, options: { readonly maxOutputLength: number }) => Promise<Buffer>>> = {
  gzip: promisify<Buffer, { readonly maxOutputLength: number }, Buffer>(gunzip),
  deflate: promisify<Buffer, { readonly maxOutputLength: number }, Buffer>(inflate),
};

/** @throws ServiceError ENCODING_UNSUPPORTED, MESSAGE_TOO_LARGE or MESSAGE_MALFORMED. */
export async function decompress(message: Buffer, encoding: string, limitBytes: number): Promise<Buffer> {
  if (encoding === "identity") {
    throw new ServiceError("MESSAGE_MALFORMED", "The message is marked as compressed, but grpc-encoding names no compression.");
  }
  const inflater = Object.hasOwn(inflaters, encoding) ? inflaters[encoding] : undefined;
  if (inflater === undefined) {
    throw new ServiceError("ENCODING_UNSUPPORTED", "Messages may be compressed with gzip or deflate.");
  }
  try {
    return await inflater(message, { maxOutputLength: limitBytes });
  } catch (error) {
    if (error instanceof RangeError) throw messageTooLarge(limitBytes, undefined);
    throw new ServiceError("MESSAGE_MALFORMED", "The message cannot be decompressed.", { cause: error });
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
