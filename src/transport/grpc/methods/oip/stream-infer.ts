// GRPCInferenceService.ModelStreamInfer: many predictions on one stream, of models that answer once or any number of times.

import type { PredictApi } from "../../../../api/predict-api.ts";
import type { ServiceError } from "../../../../errors.ts";
import type { PredictRequest, PredictResponse } from "../../../../predict/request.ts";
import type { InferRequest } from "../../codec/infer-request-codec.ts";
import { decodeInferRequest } from "../../codec/infer-request-codec.ts";
import type { InferStreamError } from "../../codec/infer-response-codec.ts";
import {
  encodeInferStreamError,
  encodeInferStreamResponse,
  inferStreamErrorSize,
  inferStreamResponseSize,
} from "../../codec/infer-response-codec.ts";
import { DecodeError } from "../../codec/reader.ts";
import type { MethodLimits, OpenMethod } from "../../method.ts";
import type { CallHandler, WireCall } from "../../wire-call.ts";
import type { AnswerCodec } from "../answer-writer.ts";
import { madeBytes } from "../made-bytes.ts";
import type { Outcome } from "../prediction-stream.ts";
import { PredictionStream } from "../prediction-stream.ts";
import { malformed, serverDraining } from "../unary.ts";

/** Request metadata that asks for the first error to end the stream, with its own status. */
const STRICT_HEADER = "triton_grpc_error";

/** What an error echoes of a name or an id: far more than those that are accepted have. */
const MAX_ECHO_CHARS = 1024;

/** One message to the client. */
type InferAnswer =
  | { readonly response: PredictResponse; readonly isFinal: boolean; readonly error: undefined }
  | { readonly response: undefined; readonly isFinal: true; readonly error: InferStreamError };

const CODEC: AnswerCodec<InferAnswer> = {
  size: ({ response, isFinal, error }) =>
    response === undefined ? inferStreamErrorSize(error) : inferStreamResponseSize(response, isFinal),
  encode(writer, { response, isFinal, error }) {
    if (response === undefined) encodeInferStreamError(writer, error);
    else encodeInferStreamResponse(writer, response, isFinal);
  },
};

/** Makes the method. */
export function streamInferMethod(api: PredictApi, limits: MethodLimits): OpenMethod {
  return (wire) => new InferStream(api, limits, wire);
}

class InferStream implements CallHandler {
  readonly #api: PredictApi;
  readonly #limits: MethodLimits;
  readonly #wire: WireCall;
  readonly #stream: PredictionStream<InferAnswer>;
  readonly #isStrict: boolean;

  constructor(api: PredictApi, limits: MethodLimits, wire: WireCall) {
    this.#api = api;
    this.#limits = limits;
    this.#wire = wire;
    this.#stream = new PredictionStream(wire, limits, CODEC);
    this.#isStrict = wire.headers[STRICT_HEADER] === "true";
  }

  onMessage(message: Buffer, release: () => void): void {
    let decoded: InferRequest;
    try {
      decoded = decodeInferRequest(message);
    } catch (error) {
      release();
      this.#stream.fail(error instanceof DecodeError ? malformed(error) : this.#api.toServiceError(error));
      return;
    }
    this.#stream.touch();
    const { request, wantsEmptyFinal } = decoded;
    const isDecoupled = this.#api.isDecoupled(request.model, request.version);
    let free: () => void;
    try {
      if (this.#stream.isDraining) throw serverDraining();
      free = this.#wire.holdMore(madeBytes(request.inputs, message), message.byteLength, release);
    } catch (error) {
      release();
      this.#stream.refuse(this.#refusal(request, error), !isDecoupled);
      return;
    }
    if (isDecoupled) this.#predictEach(request, wantsEmptyFinal, free);
    else this.#predict(request, free);
  }

  onHalfClose(): void {
    this.#stream.halfClose();
  }

  onClosed(): void {
    this.#stream.closed();
  }

  onDrain(): void {
    this.#stream.drain();
  }

  #predict(request: PredictRequest, release: () => void): void {
    const item = this.#stream.begin(true, this.#limits.defaultDeadlineMs);
    this.#api.predict(request, item.call).then(
      (response) => {
        release();
        this.#stream.answer(item, { response, isFinal: true, error: undefined });
      },
      (error: unknown) => {
        release();
        this.#stream.answer(item, this.#refusal(request, error));
      },
    );
  }

  #predictEach(request: PredictRequest, wantsEmptyFinal: boolean, release: () => void): void {
    const item = this.#stream.begin(false, this.#limits.defaultDeadlineMs);
    let isFinished = false;
    const onResponse = (response: PredictResponse, isFinal: boolean): Promise<void> | undefined => {
      isFinished = isFinal;
      if (isFinal && response.outputs.length === 0 && !wantsEmptyFinal) return undefined;
      const drained = this.#stream.send({ response, isFinal, error: undefined });
      // After the last one there is nothing to hold back.
      return isFinal ? undefined : drained;
    };
    this.#api.predictEach(request, item.call, onResponse).then(
      () => {
        release();
        this.#stream.finish(item);
      },
      (error: unknown) => {
        release();
        if (isFinished) this.#stream.finish(item);
        else this.#stream.answer(item, this.#refusal(request, error));
      },
    );
  }

  #refusal({ model, version, requestId }: PredictRequest, error: unknown): Outcome<InferAnswer> {
    const failure: ServiceError = this.#api.toServiceError(error);
    if (this.#isStrict) return failure;
    const { code, reason, message, metadata, retryAfterMs } = failure;
    const { stage, predicted } = metadata;
    const isPredicted = predicted === "true";
    const names = { model: echo(model), version: echo(version), id: echo(requestId) };
    const told = { ...names, message, code, reason, stage, isPredicted, retryAfterMs };
    return { response: undefined, isFinal: true, error: told };
  }
}

/** A text of the request for the answer, which may wait for its turn: a part of a long one would keep all of it in memory. */
function echo(text: string): string {
  return text.length <= MAX_ECHO_CHARS ? text : Buffer.from(text.slice(0, MAX_ECHO_CHARS)).toString();
}
