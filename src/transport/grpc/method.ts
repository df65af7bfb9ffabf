// What a gRPC method is to the server.

import type { Config } from "../../config/config.ts";
import type { CallHandler, WireCall } from "./wire-call.ts";

/** Begins a call: returns the handler of its messages. What it throws ends the call with that error. */
export type OpenMethod = (wire: WireCall) => CallHandler;

/** Methods by path, `/package.Service/Method`. */
export type Methods = Readonly<Record<string, OpenMethod>>;

/** Settings that methods need. */
export type MethodLimits = Pick<
  Config,
  | "defaultDeadlineMs"
  | "maxDeadlineMs"
  | "maxMessageBytes"
  | "maxUploadBytes"
  | "maxInFlightPerStream"
  | "maxStreamIdleMs"
  | "drainTimeoutMs"
>;

/** When a call of one request must be answered: the client's deadline or the default, both within the maximum. */
export function unaryDeadline(wire: WireCall, limits: MethodLimits): number {
  return wire.arrivedAt + Math.min(wire.timeoutMs() ?? limits.defaultDeadlineMs, limits.maxDeadlineMs);
}

/** When a stream ends for sure: the client's deadline, or never. */
export function streamDeadline(wire: WireCall): number {
  const timeoutMs = wire.timeoutMs();
  return timeoutMs === undefined ? Infinity : wire.arrivedAt + timeoutMs;
}
