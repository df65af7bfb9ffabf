// PredictionService.PredictSession: many predictions in flight on one stream.

import type { PredictApi } from "../../../api/predict-api.ts";
import { Call } from "../../../call.ts";
import { ServiceError } from "../../../errors.ts";
import type { PredictRequest, PredictResponse } from "../../../predict/request.ts";
import { DecodeError } from "../codec/reader.ts";
import type { PredictSessionRequest, SessionResult } from "../codec/stream-codec.ts";
import { decodePredictSessionRequest, encodeSessionDrain, sessionDrainSize } from "../codec/stream-codec.ts";
import { textSize } from "../codec/writer.ts";
import { frame } from "../framing.ts";
import type { MethodLimits, OpenMethod } from "../method.ts";
import { streamDeadline } from "../method.ts";
import { encodeStatus } from "../status.ts";
import type { CallHandler, WireCall } from "../wire-call.ts";
import { missingField } from "./predict-stream.ts";
import { SessionWriter } from "./session-writer.ts";
import { malformed, serverDraining } from "./unary.ts";

/** Longest id of a prediction. */
const MAX_ID_BYTES = 128;

/** After a drain message an idle stream stays open this long, for what the client sent before it knew. */
const DRAIN_LINGER_MS = 1000;

/** Makes the method. */
export function predictSessionMethod(api: PredictApi, limits: MethodLimits): OpenMethod {
  return (wire) => new Session(api, limits, wire);
}

/** One prediction of a session. */
interface Item {
  readonly id: string;
  /** Undefined for a refusal. */
  readonly call: Call | undefined;
  result: SessionResult | undefined;
}

class Session implements CallHandler {
  readonly #api: PredictApi;
  readonly #limits: MethodLimits;
  readonly #wire: WireCall;
  readonly #writer: SessionWriter;
  /** By id; refusals that wait for their turn under keys of their own. */
  readonly #items = new Map<string | symbol, Item>();
  /** The stream's own deadline and idle limit. */
  readonly #streamCall: Call;
  #idleTimer: NodeJS.Timeout | undefined;
  /** Whether a message has come or gone since the idle timer last looked. */
  #active = true;
  #started = false;
  #ordered = false;
  #halfClosed = false;
  #draining = false;
  #lingered = false;

  constructor(api: PredictApi, limits: MethodLimits, wire: WireCall) {
    this.#api = api;
    this.#limits = limits;
    this.#wire = wire;
    this.#writer = new SessionWriter(wire, () => this.#readOn());
    this.#streamCall = new Call(streamDeadline(wire), wire.arrivedAt);
    this.#streamCall.onAbort((error) => this.#fail(error));
    this.#watchIdle();
  }

  onMessage(bytes: Buffer, release: () => void): void {
    let message: PredictSessionRequest;
    try {
      message = decodePredictSessionRequest(bytes);
    } catch (error) {
      release();
      this.#fail(error instanceof DecodeError ? malformed(error) : this.#api.toServiceError(error));
      return;
    }
    this.#active = true;
    if (message.kind === "predict") {
      this.#predict(message.id, message.request, message.timeoutMs, release);
    } else {
      release();
      if (message.kind === "cancel") this.#items.get(message.id)?.call?.cancel();
      else if (message.kind === "options" && !this.#started) this.#ordered = message.ordered;
      else if (message.kind === "options")
        this.#fail(new ServiceError("MESSAGE_UNEXPECTED", "Options are allowed as the first message only."));
      else this.#fail(new ServiceError("MESSAGE_MALFORMED", "The message holds neither options nor predict nor cancel."));
    }
    this.#started = true;
  }

  onHalfClose(): void {
    this.#halfClosed = true;
    this.#finishIfDone();
  }

  onClosed(): void {
    this.#end();
    for (const { call } of this.#items.values()) call?.cancel();
  }

  onDrain(): void {
    this.#draining = true;
    const graceMs = this.#limits.drainTimeoutMs;
    this.#writer.flush();
    this.#wire.send(frame(sessionDrainSize(graceMs), (writer) => encodeSessionDrain(writer, graceMs)));
    setTimeout(() => {
      this.#lingered = true;
      this.#finishIfDone();
    }, DRAIN_LINGER_MS).unref();
  }

  #predict(id: string, request: PredictRequest | undefined, timeoutMs: number, release: () => void): void {
    const refusal = this.#whyRefused(id, request);
    if (refusal !== undefined) {
      release();
      const result = { id, response: undefined, error: encodeStatus(refusal) };
      if (!this.#ordered) this.#writer.push(result);
      else {
        // A key that no id has: the refused one may be in flight already.
        this.#items.set(Symbol(id), { id, call: undefined, result });
        this.#answerInOrder();
      }
      return;
    }
    const now = performance.now();
    const { defaultDeadlineMs, maxDeadlineMs } = this.#limits;
    const ownMs = timeoutMs === 0 ? defaultDeadlineMs : Math.min(timeoutMs, maxDeadlineMs);
    const call = new Call(Math.min(now + ownMs, this.#streamCall.deadline), now);
    const item: Item = { id, call, result: undefined };
    this.#items.set(id, item);
    if (this.#items.size >= this.#limits.maxInFlightPerStream) this.#wire.pauseReading();
    this.#api.predict(request!, call).then(
      (response) => this.#answer(item, response, undefined, release),
      (error: unknown) => this.#answer(item, undefined, this.#api.toServiceError(error), release),
    );
  }

  #whyRefused(id: string, request: PredictRequest | undefined): ServiceError | undefined {
    if (this.#draining) return serverDraining();
    if (id === "" || textSize(id) > MAX_ID_BYTES) {
      const text = `An id has 1 to ${MAX_ID_BYTES} bytes.`;
      return new ServiceError("FIELD_INVALID", text, { violations: [{ field: "predict.id", description: text }] });
    }
    if (this.#items.has(id)) {
      const text = "The id is in flight already.";
      return new ServiceError("FIELD_INVALID", text, { violations: [{ field: "predict.id", description: text }] });
    }
    return request === undefined ? missingField("predict.request") : undefined;
  }

  #answer(item: Item, response: PredictResponse | undefined, error: ServiceError | undefined, release: () => void): void {
    release();
    this.#active = true;
    item.result = { id: item.id, response, error: error === undefined ? undefined : encodeStatus(error) };
    if (this.#ordered) this.#answerInOrder();
    else {
      this.#items.delete(item.id);
      this.#writer.push(item.result);
    }
    this.#readOn();
    this.#finishIfDone();
  }

  #answerInOrder(): void {
    // A map keeps the order in which ids came.
    for (const [id, { result }] of this.#items) {
      if (result === undefined) return;
      this.#items.delete(id);
      this.#writer.push(result);
    }
  }

  #readOn(): void {
    if (this.#items.size < this.#limits.maxInFlightPerStream && !this.#writer.isSlow) this.#wire.resumeReading();
  }

  /** One timer that looks back, instead of one that every message winds up again: a stream ends after one to two idle times. */
  #watchIdle(): void {
    const { maxStreamIdleMs } = this.#limits;
    this.#idleTimer = setTimeout(() => {
      if (this.#active || this.#items.size > 0) {
        this.#active = false;
        this.#watchIdle();
        return;
      }
      this.#fail(
        new ServiceError("DEADLINE_EXCEEDED", `The stream was idle for ${maxStreamIdleMs} ms (setting maxStreamIdleMs).`, {
          metadata: { stage: "receive" },
        }),
      );
    }, maxStreamIdleMs);
    this.#idleTimer.unref();
  }

  #finishIfDone(): void {
    if (this.#items.size > 0 || this.#wire.ended) return;
    if (this.#halfClosed) {
      this.#writer.flush();
      this.#end();
      this.#wire.finish();
    } else if (this.#lingered) {
      this.#fail(serverDraining());
    }
  }

  #fail(error: ServiceError): void {
    this.#writer.flush();
    this.#end();
    this.#wire.fail(error);
    for (const { call } of this.#items.values()) call?.abort(error);
  }

  #end(): void {
    clearTimeout(this.#idleTimer);
    this.#streamCall.finish();
  }
}
