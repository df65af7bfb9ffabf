// What a protocol has to offer to the player of a schedule.

import type { Call, Ending } from "./call.ts";

/** What a transport tells. */
export interface TransportEvents {
  /** The server has ended a call. Not called for calls that were cancelled. */
  ended(call: Call, ending: Ending): void;
}

/** Sends calls of one run. */
export interface Transport {
  /** Starts a call, sent at the next `flush`; false when every connection has as many as it may. */
  tryStart(call: Call, nowMs: number): boolean;
  /** Gives a call up as clients do at its deadline. */
  cancel(call: Call): void;
  flush(): void;
  /** Chunks received so far: the player does not nap while answers come. */
  receivedCount(): number;
  connectionCount(): number;
  close(): void;
}
