// Unary methods that are not hot: their messages go through the generated code.

import type { Call } from "../../../call.ts";
import { DecodeError } from "../codec/reader.ts";
import { frame } from "../framing.ts";
import type { OpenMethod } from "../method.ts";
import type { SingleMessageOptions } from "./unary.ts";
import { singleMessage } from "./unary.ts";

/** A generated message. */
export interface GeneratedMessage<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(input: Uint8Array): T;
}

/** Reads a message. @throws DecodeError. */
export function decodeGenerated<T>(type: Pick<GeneratedMessage<T>, "decode">, bytes: Buffer): T {
  try {
    return type.decode(bytes);
  } catch (error) {
    // Our own readers say better what is wrong.
    if (error instanceof DecodeError) throw error;
    throw new DecodeError("It is not a message of this type.", { cause: error });
  }
}

/** A message with its prefix. */
export function encodeGenerated<T>(type: GeneratedMessage<T>, message: T): Buffer {
  const bytes = type.encode(message).finish();
  return frame(bytes.byteLength, (writer) => writer.raw(bytes));
}

/**
 * Makes the method. Work that takes time is not ended by a deadline or a cancel: the caller gets its answer at once, and nobody waits for
 * the work any more.
 */
export function generatedUnary<Request, Response>(
  options: SingleMessageOptions,
  requestType: Pick<GeneratedMessage<Request>, "decode">,
  responseType: GeneratedMessage<Response>,
  handle: (request: Request, call: Call) => Response | Promise<Response>,
): OpenMethod {
  return singleMessage(options, async (message, call, wire, release) => {
    try {
      // A second message in the same chunk has to be seen before the first one is answered.
      await Promise.resolve();
      if (wire.ended) return;
      call.stage = "run";
      const response = await handle(decodeGenerated(requestType, message), call);
      if (wire.ended) return;
      call.finish();
      wire.finish(encodeGenerated(responseType, response));
    } finally {
      release();
    }
  });
}
