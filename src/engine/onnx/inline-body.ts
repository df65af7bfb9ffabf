// The main thread as a lane's body: for models whose run costs less than the way to a worker and back.

import type { WorkerRequest } from "./protocol.ts";
import type { SessionHost } from "./session-host.ts";
import type { BodyListener, WorkerBody } from "./worker-body.ts";

/** Runs sessions where everything else runs; while one runs, nothing else does. */
export function startInlineBody(listener: BodyListener): WorkerBody {
  let host: SessionHost | undefined;
  // The runtime's library is loaded here only where a model asks for it.
  const loading = import("./session-host.ts").then((module) => {
    host = new module.SessionHost({ reply: (reply) => listener.onReply(reply), exit: () => {} });
    return host;
  });
  // Whoever waits for an answer is told; there is nobody else to tell.
  loading.catch((error: unknown) => {
    listener.onError(error instanceof Error ? error : new Error(String(error)));
    listener.onEnd(1);
  });
  const take = (request: WorkerRequest): void => {
    if (host === undefined) loading.then((ready) => ready.take(request)).catch(() => {});
    else host.take(request);
  };
  return {
    post(request, slot) {
      if (request.type === "run" && slot?.takeChanged() === true) take({ type: "slot", slot: request.slot, buffer: slot.buffer });
      take(request);
    },
    async end() {},
    kill: undefined,
  };
}
