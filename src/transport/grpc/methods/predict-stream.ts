// PredictionService.PredictStream.

import type { PredictApi } from "../../../api/predict-api.ts";
import { Call, expired } from "../../../call.ts";
import { ServiceError } from "../../../errors.ts";
import type { Chunks } from "../../../predict/chunks.ts";
import type { PredictResponse } from "../../../predict/request.ts";
import { decodePredictStreamRequest, encodePredictStreamResponse, predictStreamResponseSize } from "../codec/stream-codec.ts";
import { frame } from "../framing.ts";
import type { MethodLimits, OpenMethod } from "../method.ts";
import { streamDeadline } from "../method.ts";
import type { WireCall } from "../wire-call.ts";
import { madeBytes } from "./made-bytes.ts";
import { singleMessage } from "./unary.ts";

/** Chunks that are under way at once: enough to keep an instance busy, few enough that a slow reader stops the work soon. */
const MAX_CHUNKS_IN_FLIGHT = 4;

/** Makes the method. */
export function predictStreamMethod(api: PredictApi, limits: MethodLimits): OpenMethod {
  return singleMessage({ limits, toServiceError: api.toServiceError, deadlineOf: streamDeadline }, async (message, call, wire, release) => {
    const children = new Set<Call>();
    let chunks: Chunks | undefined;
    let free = release;
    try {
      const { request, chunkRows } = decodePredictStreamRequest(message);
      if (request === undefined) throw missingField("request");
      free = wire.holdMore(madeBytes(request.inputs, message), message.byteLength, release);
      call.stage = "validate";
      const cut = (chunks = api.chunks(request, chunkRows));
      // What is left beside the chunks is to send their answers.
      call.stage = "postprocess";
      call.onAbort((error) => {
        // Its stage is that of the oldest chunk, whose own timer may be a moment later; those that are aborted leave the set.
        const [stage = call.stage] = [...children].map((child) => child.stage);
        const isLate = error.reason === "DEADLINE_EXCEEDED";
        for (const child of children) child.abort(isLate ? expired(child.stage) : error);
        wire.fail(isLate ? expired(stage) : error);
      });
      const predictChunk = async (first: number): Promise<PredictResponse> => {
        const now = performance.now();
        const child = new Call(Math.min(call.deadline, now + limits.defaultDeadlineMs), now);
        children.add(child);
        try {
          return await api.predict(cut.chunk(first), child, cut.servable);
        } finally {
          children.delete(child);
        }
      };
      await sendInOrder(cut.rows, cut.chunkRows, predictChunk, wire, limits.maxStreamIdleMs);
      call.finish();
      wire.finish();
    } finally {
      // Whatever still waits would read memory that is used again.
      for (const child of children) child.cancel();
      chunks?.release();
      free();
    }
  });
}

/** Keeps a few chunks under way and sends each when all before it have gone. */
async function sendInOrder(
  rows: number,
  chunkRows: number,
  predictChunk: (first: number) => Promise<PredictResponse>,
  wire: WireCall,
  maxIdleMs: number,
): Promise<void> {
  const underWay: { readonly first: number; readonly answer: Promise<PredictResponse> }[] = [];
  let next = 0;
  for (let done = 0; done < rows;) {
    while (next < rows && underWay.length < MAX_CHUNKS_IN_FLIGHT) {
      const answer = predictChunk(next);
      // Its failure is met when its turn comes.
      answer.catch(() => {});
      underWay.push({ first: next, answer });
      next += chunkRows;
    }
    const { first, answer } = underWay.shift()!;
    const response = await answer;
    if (wire.ended) return;
    done = Math.min(rows, first + chunkRows);
    const chunk = { response, firstRow: first, rowsDone: done, rowsTotal: rows };
    if (!wire.send(frame(predictStreamResponseSize(chunk), (writer) => encodePredictStreamResponse(writer, chunk))))
      await drained(wire, maxIdleMs);
    if (wire.ended) return;
  }
}

/** Waits for a slow reader, or until it has gone. @throws ServiceError for one that reads nothing for longer than a stream may be idle. */
function drained(wire: WireCall, maxIdleMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const text = `Nothing was read from the stream for ${maxIdleMs} ms (setting maxStreamIdleMs).`;
      reject(new ServiceError("DEADLINE_EXCEEDED", text, { metadata: { stage: "postprocess" } }));
    }, maxIdleMs);
    wire.onDrained(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** A message without a field that it needs. */
export function missingField(field: string): ServiceError {
  return new ServiceError("FIELD_INVALID", `The field ${field} is missing.`, {
    violations: [{ field, description: "This field is needed." }],
  });
}
