// A worker process as a lane's body: what dies in it takes nothing else along, and what hangs in it can be ended.

import { spawn } from "node:child_process";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Logger } from "../../telemetry/logger.ts";
import { FrameReader, writeFrame } from "./frames.ts";
import type { WorkerReply } from "./protocol.ts";
import { outputsFrom, PIPE_FD, type ProcessReply, type ProcessRequest } from "./process-protocol.ts";
import type { BodyListener, WorkerBody } from "./worker-body.ts";

/** Time for a process to end when it is asked to, before it is killed. */
const END_MS = 5000;

/** What a worker process gets of the environment: what finds libraries, devices and places, and what the runtime itself reads. */
const PASSED_ON = /^(?:PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|GLIBC_TUNABLES|XDG_\w+|(?:ORT|OMP|CUDA|NVIDIA|VK|MALLOC)_\w+)$/;

/** What a process is made with. */
export interface ProcessBodyOptions {
  /** Number for logs. */
  readonly index: number;
  /** Limit of its JavaScript heap in MiB; tensors lie outside of it. */
  readonly heapMb: number;
  readonly logger: Logger;
}

/** Starts a worker process. It ends itself when the server is gone, however that came about. */
export function startProcessBody({ index, heapMb, logger }: ProcessBodyOptions, listener: BodyListener): WorkerBody {
  const entry = fileURLToPath(new URL(`./worker-process${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));
  const child = spawn(process.execPath, [`--max-old-space-size=${heapMb}`, entry, String(index), String(heapMb)], {
    env: environmentOf(process.env),
    stdio: ["ignore", "ignore", "inherit", "pipe"],
  });
  const { promise: exited, resolve } = Promise.withResolvers<void>();
  const ended = (how: number | string): void => {
    resolve();
    listener.onEnd(how);
  };
  child.on("error", (error) => {
    listener.onError(error);
    // One that could not be started says nothing more.
    if (child.pid === undefined) ended(1);
  });
  const kill = (): void => void child.kill("SIGKILL");
  if (child.pid !== undefined) {
    // Not `exit`: answers may still be in the pipe then.
    child.once("close", (code, signal) => ended(code ?? signal ?? 1));
    logger.info({ worker: index, pid: child.pid }, "worker process started");
  }
  // Missing where the process could not be started.
  const pipe = child.stdio[PIPE_FD] as Duplex | undefined;
  const reader = new FrameReader<ProcessReply>(replyHandler(listener));
  pipe?.on("data", (piece: Buffer) => {
    try {
      reader.push(piece);
    } catch (error) {
      // Its memory must be damaged; nothing it says can be trusted any more.
      listener.onError(error instanceof Error ? error : new Error(String(error)));
      pipe.destroy();
      kill();
    }
  });
  // That nobody reads any more is known from the end of the process.
  pipe?.on("error", () => {});
  const send = (request: ProcessRequest, body: readonly Uint8Array[] = []): void => {
    if (pipe?.writable === true) writeFrame(pipe, request, body);
  };
  return {
    post: (request, slot) => send(request, slot === undefined ? [] : [slot.filled]),
    async end() {
      send({ type: "exit" });
      const timer = setTimeout(kill, END_MS);
      await exited;
      clearTimeout(timer);
    },
    kill,
  };
}

function replyHandler(listener: BodyListener): ConstructorParameters<typeof FrameReader<ProcessReply>>[0] {
  let body = new ArrayBuffer(0);
  return {
    begin(_, bodyBytes) {
      body = new ArrayBuffer(bodyBytes);
      const bytes = new Uint8Array(body);
      let at = 0;
      return (piece) => {
        bytes.set(piece, at);
        at += piece.byteLength;
      };
    },
    end(reply) {
      if (reply.type === "error") listener.onError(new Error(reply.message));
      else listener.onReply(reply.type === "ran" ? { ...reply, outputs: outputsFrom(reply.outputs, body) } : (reply satisfies WorkerReply));
    },
  };
}

/** What holds unless the server's own environment says otherwise: nothing is sent anywhere, and weights lie in large pages. */
const DEFAULTS = { ORT_DISABLE_TELEMETRY: "1", GLIBC_TUNABLES: "glibc.malloc.hugetlb=1" };

function environmentOf(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...DEFAULTS, ...Object.fromEntries(Object.entries(own).filter(([name]) => PASSED_ON.test(name))) };
}
