// Methods with one message in: exactly one, checked for every one of them here.

import { Call } from "../../../call.ts";
import { ServiceError } from "../../../errors.ts";
import { DecodeError } from "../codec/reader.ts";
import type { MethodLimits, OpenMethod } from "../method.ts";
import { unaryDeadline } from "../method.ts";
import type { WireCall } from "../wire-call.ts";

/**
 * Works on the one message and ends the wire call, or hands a failure to `fail`. It calls `release` once nothing reads the message any
 * more; what it throws before it returns is handled for it.
 */
export type SingleMessageHandler = (
  message: Buffer,
  call: Call,
  wire: WireCall,
  release: () => void,
  fail: (error: unknown) => void,
) => Promise<void> | void;

/** What a method with one message in is made of. */
export interface SingleMessageOptions {
  readonly limits: MethodLimits;
  readonly toServiceError: (error: unknown) => ServiceError;
  /** Whether the whole call has a deadline; a stream of chunks has one for each chunk instead. */
  readonly deadlineOf?: (wire: WireCall, limits: MethodLimits) => number;
  /** Whether a draining server ends the call at once: for streams that would never end by themselves. */
  readonly endOnDrain?: boolean;
}

/** Makes a method that starts as soon as its message is complete. */
export function singleMessage(options: SingleMessageOptions, handle: SingleMessageHandler): OpenMethod {
  const { limits, toServiceError, deadlineOf = unaryDeadline } = options;
  return (wire) => {
    const call = new Call(deadlineOf(wire, limits), wire.arrivedAt);
    let received = false;
    let receiving: NodeJS.Timeout | undefined;
    const fail = (error: unknown): void => {
      clearTimeout(receiving);
      call.finish();
      wire.fail(error instanceof DecodeError ? malformed(error) : toServiceError(error));
    };
    call.onAbort(fail);
    // A stream may live long, but its one request has to come within the default deadline.
    if (call.deadline === Infinity) {
      receiving = setTimeout(() => call.abort(notReceived(limits.defaultDeadlineMs)), limits.defaultDeadlineMs);
    }
    return {
      onMessage(message, release) {
        if (received) {
          release();
          const error = new ServiceError("MESSAGE_UNEXPECTED", "This method takes exactly one message.");
          call.abort(error);
          fail(error);
          return;
        }
        received = true;
        clearTimeout(receiving);
        try {
          handle(message, call, wire, release, fail)?.catch(fail);
        } catch (error) {
          release();
          fail(error);
        }
      },
      onHalfClose() {
        if (!received) fail(new ServiceError("MESSAGE_MISSING", "This method takes exactly one message; none came."));
      },
      onClosed() {
        clearTimeout(receiving);
        call.cancel();
      },
      onDrain() {
        if (options.endOnDrain === true) call.abort(serverDraining());
      },
    };
  };
}

function notReceived(waitedMs: number): ServiceError {
  return new ServiceError("DEADLINE_EXCEEDED", `The request did not come within ${waitedMs} ms.`, { metadata: { stage: "receive" } });
}

/** What a client is told that should go elsewhere. */
export function serverDraining(): ServiceError {
  return new ServiceError("SERVER_DRAINING", "The server is going away; use a new connection.", { retryAfterMs: 1000 });
}

/** What the client is told about bytes that cannot be read. */
export function malformed(error: DecodeError): ServiceError {
  return new ServiceError("MESSAGE_MALFORMED", `The message cannot be read: ${error.message}`, { cause: error });
}
