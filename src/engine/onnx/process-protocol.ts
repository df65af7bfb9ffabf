// What the server and a worker process write into their pipe: the messages of a thread, with tensors as bytes behind them.

import type { OutputPlace, WorkerReply } from "./protocol.ts";
import type { BodyRequest } from "./worker-body.ts";

/** Number of the pipe in a worker process. */
export const PIPE_FD = 3;

/** Behind a run stand the bytes of its slot, from the first input's start to the last one's end. */
export type ProcessRequest = BodyRequest | { readonly type: "exit" };

/** An output whose bytes stand behind the message. */
export interface OutputHead {
  readonly dims: readonly number[];
  readonly byteLength: number;
}

/** Behind `ran` stand the outputs, each filled up to a multiple of `OUTPUT_ALIGNMENT`. */
export type ProcessReply =
  | Exclude<WorkerReply, { readonly type: "ran" }>
  | { readonly id: number; readonly type: "ran"; readonly outputs: readonly OutputHead[]; readonly runMs: number }
  | { readonly type: "error"; readonly message: string };

const OUTPUT_ALIGNMENT = 8;
const PADDING = new Uint8Array(OUTPUT_ALIGNMENT);

/** The outputs as the bytes behind a message. */
export function outputBytes(outputs: readonly OutputPlace[]): readonly Uint8Array[] {
  return outputs.flatMap(({ bytes }) => [bytes, PADDING.subarray(0, paddingOf(bytes.byteLength))]);
}

/** The outputs in the bytes behind a message, without a copy. @throws RangeError when there are fewer bytes than the message says. */
export function outputsFrom(heads: readonly OutputHead[], body: ArrayBuffer): readonly OutputPlace[] {
  let at = 0;
  return heads.map(({ dims, byteLength }) => {
    const bytes = new Uint8Array(body, at, byteLength);
    at += byteLength + paddingOf(byteLength);
    return { dims, bytes };
  });
}

function paddingOf(byteLength: number): number {
  return (OUTPUT_ALIGNMENT - (byteLength % OUTPUT_ALIGNMENT)) % OUTPUT_ALIGNMENT;
}
