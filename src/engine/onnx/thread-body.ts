// A worker thread as a lane's body.

import { Worker } from "node:worker_threads";
import type { WorkerReply, WorkerRequest } from "./protocol.ts";
import type { BodyListener, WorkerBody } from "./worker-body.ts";

/** What a thread is made with. */
export interface ThreadBodyOptions {
  /** Number for its name. */
  readonly index: number;
  /** Limit of the thread's JavaScript heap in MiB; tensors lie outside of it. */
  readonly heapMb: number;
}

/** Starts a worker thread. It cannot be killed: ending a thread during a run aborts the process. */
export function startThreadBody({ index, heapMb }: ThreadBodyOptions, listener: BodyListener): WorkerBody {
  const url = new URL(`./worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);
  const worker = new Worker(url, { name: `predictd-worker-${index}`, resourceLimits: { maxOldGenerationSizeMb: heapMb } });
  const { promise: exited, resolve } = Promise.withResolvers<void>();
  const post = (request: WorkerRequest): void => worker.postMessage(request);
  worker.on("message", (reply: WorkerReply) => listener.onReply(reply));
  worker.on("error", (error) => listener.onError(error));
  worker.once("exit", (code) => {
    resolve();
    listener.onEnd(code);
  });
  return {
    post(request, slot) {
      if (request.type === "run" && slot?.takeChanged() === true) post({ type: "slot", slot: request.slot, buffer: slot.buffer });
      post(request);
    },
    end() {
      post({ type: "exit" });
      return exited;
    },
    kill: undefined,
  };
}
