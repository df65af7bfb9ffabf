// Entry of a worker thread, whether of the server or of a worker process.

import { parentPort } from "node:worker_threads";
import type { WorkerRequest } from "./protocol.ts";
import { SessionHost } from "./session-host.ts";

const port = parentPort;
if (port === null) throw new Error("worker.ts runs in a worker thread only. This is a bug.");

const host = new SessionHost({ reply: (message, transfer) => port.postMessage(message, transfer), exit: () => port.close() });
port.on("message", (message: WorkerRequest) => host.take(message));
