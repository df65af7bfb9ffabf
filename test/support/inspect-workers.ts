// Runs a line of JavaScript inside the worker threads of a server that was started with `INSPECT`.

import type { TestServer } from "./server.ts";

/** Environment that lets the debugger in, on a free port of loopback. */
export const INSPECT = { NODE_OPTIONS: "--inspect=127.0.0.1:0" };

interface Reply {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly sessionId: string; readonly workerInfo?: { readonly url: string }; readonly message?: string };
}

/** Evaluates the expression in every worker whose file has this name. Resolves with how many there were, once all have done it. */
export function evaluateInWorkers(server: TestServer, file: string, expression: string): Promise<number> {
  const url = server.log.map(({ text }) => /ws:\/\/\S+/.exec(String(text))?.[0]).find((found) => found !== undefined);
  if (url === undefined) throw new Error("the server was started without INSPECT");
  const socket = new WebSocket(url);
  const send = (id: number, method: string, params: object) => socket.send(JSON.stringify({ id, method, params }));
  const evaluate = JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression, includeCommandLineAPI: true } });
  let workers = 0;
  let enabled = false;
  let done = 0;
  return new Promise((resolve, reject) => {
    const settle = () => {
      if (!enabled || done < workers) return;
      socket.close();
      resolve(workers);
    };
    socket.addEventListener("error", () => reject(new Error("the debugger cannot be reached")));
    socket.addEventListener("open", () => send(1, "NodeWorker.enable", { waitForDebuggerOnStart: false }));
    socket.addEventListener("message", ({ data }) => {
      const { id, method, params } = JSON.parse(String(data)) as Reply;
      if (id === 1) enabled = true;
      if (method === "NodeWorker.attachedToWorker" && params?.workerInfo?.url.endsWith(`/${file}`)) {
        workers++;
        send(1 + workers, "NodeWorker.sendMessageToWorker", { sessionId: params.sessionId, message: evaluate });
      }
      if (method === "NodeWorker.receivedMessageFromWorker" && (JSON.parse(params?.message ?? "{}") as Reply).id === 1) done++;
      settle();
    });
  });
}
