// Entry of a worker thread, whether of the server or of a worker process.

import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import type { WorkerRequest } from "./protocol.ts";
import { SessionHost } from "./session-host.ts";

/** Nice value of worker threads: the event loop, which answers everybody, goes first where they share a core. */
const WORKER_NICE = 10;

const port = parentPort;
if (port === null) throw new Error("worker.ts runs in a worker thread only. This is a bug.");

try {
  setPriority(0, WORKER_NICE);
} catch {
  // Without the right to change it, the default priority does.
}

const host = new SessionHost({ reply: (message, transfer) => port.postMessage(message, transfer), exit: () => port.close() });
port.on("message", (message: WorkerRequest) => host.take(message));
