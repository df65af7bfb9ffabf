// What a lane's sessions live in, as the lane sees it: a thread, a process or the main thread.

import type { WorkerReply, WorkerRequest } from "./protocol.ts";
import type { Slot } from "./slot.ts";

/** What a body tells its lane. */
export interface BodyListener {
  onReply(reply: WorkerReply): void;
  /** Something went wrong that nobody asked for; the body ends after it. */
  onError(error: Error): void;
  /** It is gone, wanted or not; nothing comes after this. @param how exit code, or the signal that ended it. */
  onEnd(how: number | string): void;
}

/** Requests to a body; how a slot's memory gets there is its own affair. */
export type BodyRequest = Exclude<WorkerRequest, { readonly type: "slot" | "exit" }>;

/** One life of a worker. */
export interface WorkerBody {
  /** Hands a request over. @param slot the inputs of a run; its memory must not change before the answer. */
  post(request: BodyRequest, slot?: Slot): void;
  /** Ends it once it has done what it was asked for; resolves when it is gone. */
  end(): Promise<void>;
  /** Ends it at once, whatever it does; undefined where that would end the server. */
  readonly kill: (() => void) | undefined;
}

/** Begins a life. */
export type StartBody = (listener: BodyListener) => WorkerBody;
