// PredictionService.PredictSession: many predictions in flight on one stream.

import type { PredictApi } from "../../../api/predict-api.ts";
import { ServiceError } from "../../../errors.ts";
import type { PredictRequest } from "../../../predict/request.ts";
import { DecodeError } from "../codec/reader.ts";
import type { PredictSessionRequest, SessionResult } from "../codec/stream-codec.ts";
import {
  decodePredictSessionRequest,
  encodeSessionDrain,
  encodeSessionResult,
  sessionDrainSize,
  sessionResultSize,
} from "../codec/stream-codec.ts";
import { textSize } from "../codec/writer.ts";
import { frame } from "../framing.ts";
import type { MethodLimits, OpenMethod } from "../method.ts";
import { encodeStatus } from "../status.ts";
import type { CallHandler, WireCall } from "../wire-call.ts";
import { madeBytes } from "./made-bytes.ts";
import { missingField } from "./predict-stream.ts";
import { PredictionStream } from "./prediction-stream.ts";
import { malformed, serverDraining } from "./unary.ts";

/** Longest id of a prediction. */
const MAX_ID_BYTES = 128;

const CODEC = { size: sessionResultSize, encode: encodeSessionResult };

/** Makes the method. */
export function predictSessionMethod(api: PredictApi, limits: MethodLimits): OpenMethod {
  return (wire) => new Session(api, limits, wire);
}

class Session implements CallHandler {
  readonly #api: PredictApi;
  readonly #limits: MethodLimits;
  readonly #wire: WireCall;
  readonly #stream: PredictionStream<SessionResult>;
  #started = false;
  #ordered = false;

  constructor(api: PredictApi, limits: MethodLimits, wire: WireCall) {
    this.#api = api;
    this.#limits = limits;
    this.#wire = wire;
    this.#stream = new PredictionStream(wire, limits, CODEC);
  }

  onMessage(bytes: Buffer, release: () => void): void {
    let message: PredictSessionRequest;
    try {
      message = decodePredictSessionRequest(bytes);
    } catch (error) {
      release();
      this.#stream.fail(error instanceof DecodeError ? malformed(error) : this.#api.toServiceError(error));
      return;
    }
    this.#stream.touch();
    if (message.kind === "predict") {
      this.#predict(message.id, message.request, message.timeoutMs, bytes, release);
    } else {
      release();
      if (message.kind === "cancel") this.#stream.cancel(message.id);
      else if (message.kind === "options" && !this.#started) this.#ordered = message.ordered;
      else if (message.kind === "options")
        this.#stream.fail(new ServiceError("MESSAGE_UNEXPECTED", "Options are allowed as the first message only."));
      else this.#stream.fail(new ServiceError("MESSAGE_MALFORMED", "The message holds neither options nor predict nor cancel."));
    }
    this.#started = true;
  }

  onHalfClose(): void {
    this.#stream.halfClose();
  }

  onClosed(): void {
    this.#stream.closed();
  }

  onDrain(): void {
    const graceMs = this.#limits.drainTimeoutMs;
    this.#stream.drain(frame(sessionDrainSize(graceMs), (writer) => encodeSessionDrain(writer, graceMs)));
  }

  #predict(id: string, request: PredictRequest | undefined, timeoutMs: number, message: Buffer, release: () => void): void {
    let free: () => void;
    try {
      const refusal = this.#whyRefused(id, request);
      if (refusal !== undefined) throw refusal;
      free = this.#wire.holdMore(madeBytes(request!.inputs, message), message.byteLength, release);
    } catch (error) {
      release();
      this.#stream.refuse(toResult(id, this.#api.toServiceError(error)), this.#ordered);
      return;
    }
    const { defaultDeadlineMs, maxDeadlineMs } = this.#limits;
    const ownMs = timeoutMs === 0 ? defaultDeadlineMs : Math.min(timeoutMs, maxDeadlineMs);
    const item = this.#stream.begin(this.#ordered, ownMs, id);
    this.#api.predict(request!, item.call).then(
      (response) => {
        free();
        this.#stream.answer(item, { id, response, error: undefined });
      },
      (error: unknown) => {
        free();
        this.#stream.answer(item, toResult(id, this.#api.toServiceError(error)));
      },
    );
  }

  #whyRefused(id: string, request: PredictRequest | undefined): ServiceError | undefined {
    if (this.#stream.isDraining) return serverDraining();
    if (id === "" || textSize(id) > MAX_ID_BYTES) {
      const text = `An id has 1 to ${MAX_ID_BYTES} bytes.`;
      return new ServiceError("FIELD_INVALID", text, { violations: [{ field: "predict.id", description: text }] });
    }
    if (this.#stream.has(id)) {
      const text = "The id is in flight already.";
      return new ServiceError("FIELD_INVALID", text, { violations: [{ field: "predict.id", description: text }] });
    }
    return request === undefined ? missingField("predict.request") : undefined;
  }
}

function toResult(id: string, error: ServiceError): SessionResult {
  return { id, response: undefined, error: encodeStatus(error) };
}
