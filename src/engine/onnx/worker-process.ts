// Entry of a worker process: passes messages between the pipe to the server and a worker thread of its own, which may be long in a run.

import { Socket } from "node:net";
import { FrameReader, writeFrame } from "./frames.ts";
import { outputBytes, PIPE_FD, type ProcessReply, type ProcessRequest } from "./process-protocol.ts";
import { Slot } from "./slot.ts";
import { startThreadBody } from "./thread-body.ts";

/** Bytes read from the pipe at once. */
const READ_BYTES = 256 * 1024;

// Whoever ends the server from a terminal or a service manager may send the signal to all its processes. The server drains first.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});

const [index, heapMb] = process.argv.slice(2).map(Number);
if (index === undefined || heapMb === undefined) throw new Error("worker-process.ts is started by the server only. This is a bug.");

const slots = new Map<number, Slot>();
let threadEnded = false;

const pipe = new Socket({
  fd: PIPE_FD,
  onread: {
    buffer: Buffer.alloc(READ_BYTES),
    callback(length, buffer) {
      reader.push(Buffer.from(buffer.buffer, buffer.byteOffset, length));
      return true;
    },
  },
});
const send = (reply: ProcessReply, body: readonly Uint8Array[] = []): void => {
  if (pipe.writable) writeFrame(pipe, reply, body);
};

const thread = startThreadBody(
  { index, heapMb },
  {
    onReply(reply) {
      if (reply.type !== "ran") return send(reply);
      const outputs = reply.outputs.map(({ dims, bytes }) => ({ dims, byteLength: bytes.byteLength }));
      send({ ...reply, outputs }, outputBytes(reply.outputs));
    },
    onError: (error) => send({ type: "error", message: error.message }),
    onEnd() {
      threadEnded = true;
      pipe.destroySoon();
    },
  },
);

const reader = new FrameReader<ProcessRequest>({
  begin(request, bodyBytes) {
    if (request.type !== "run") return () => {};
    const slot = slotOf(request.slot);
    slot.reset(bodyBytes, 1);
    slot.startInput();
    return (piece) => slot.append(piece);
  },
  end(request) {
    if (request.type === "exit") void thread.end();
    else thread.post(request, request.type === "run" ? slotOf(request.slot) : undefined);
  },
});

// The server is gone, and nobody waits for what runs here, which may never end.
pipe.on("error", () => {});
pipe.once("close", () => {
  if (!threadEnded) process.kill(process.pid, "SIGKILL");
});
pipe.resume();

function slotOf(number: number): Slot {
  let slot = slots.get(number);
  if (slot === undefined) slots.set(number, (slot = new Slot()));
  return slot;
}
