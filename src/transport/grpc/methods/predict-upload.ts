// PredictionService.PredictUpload: one large input in chunks.

import type { PredictApi } from "../../../api/predict-api.ts";
import { Call } from "../../../call.ts";
import { ServiceError } from "../../../errors.ts";
import type { ByteBudget } from "../../../guard/byte-budget.ts";
import { bytesExhausted } from "../../../guard/byte-budget.ts";
import { quoteName } from "../../../predict/quote-name.ts";
import type { PredictRequest, PredictResponse } from "../../../predict/request.ts";
import { ELEMENT_BYTES } from "../../../tensor/dtype.ts";
import { elementCount } from "../../../tensor/tensor.ts";
import { GrowingBuffer } from "../buffer-pool.ts";
import { encodePredictResponse, predictResponseSize } from "../codec/predict-codec.ts";
import { DecodeError } from "../codec/reader.ts";
import type { PredictUploadRequest } from "../codec/stream-codec.ts";
import { decodePredictUploadRequest } from "../codec/stream-codec.ts";
import { textFieldSize } from "../codec/writer.ts";
import { frame } from "../framing.ts";
import type { MethodLimits, OpenMethod } from "../method.ts";
import { unaryDeadline } from "../method.ts";
import type { CallHandler, WireCall } from "../wire-call.ts";
import { missingField } from "./predict-stream.ts";
import { malformed } from "./unary.ts";

/** What a chunk's message needs besides its bytes, generously. */
const CHUNK_OVERHEAD_BYTES = 64;

/** Makes the method. */
export function predictUploadMethod(api: PredictApi, limits: MethodLimits, budget: ByteBudget): OpenMethod {
  return (wire) => new Upload(api, limits, budget, wire);
}

class Upload implements CallHandler {
  readonly #api: PredictApi;
  readonly #limits: MethodLimits;
  readonly #budget: ByteBudget;
  readonly #wire: WireCall;
  readonly #call: Call;
  #request: PredictRequest | undefined;
  #input = -1;
  #data: GrowingBuffer | undefined;
  #running = false;

  constructor(api: PredictApi, limits: MethodLimits, budget: ByteBudget, wire: WireCall) {
    this.#api = api;
    this.#budget = budget;
    this.#limits = limits;
    this.#wire = wire;
    this.#call = new Call(unaryDeadline(wire, limits), wire.arrivedAt);
    this.#call.onAbort((error) => this.#fail(error));
  }

  onMessage(bytes: Buffer, release: () => void): void {
    if (this.#running) return;
    try {
      this.#take(decodePredictUploadRequest(bytes));
    } catch (error) {
      this.#fail(error instanceof DecodeError ? malformed(error) : this.#api.toServiceError(error));
    } finally {
      release();
    }
  }

  onHalfClose(): void {
    if (this.#running || this.#wire.ended) return;
    if (this.#data === undefined) {
      this.#fail(new ServiceError("MESSAGE_MISSING", "An upload begins with a header; none came."));
    } else if (this.#data.missing > 0) {
      this.#fail(sizeMismatch(`${this.#data.bytes.byteLength} bytes came; ${this.#data.size} were declared.`));
    } else {
      void this.#run();
    }
  }

  onClosed(): void {
    this.#call.cancel();
    this.#free();
  }

  #take(message: PredictUploadRequest): void {
    if (message.kind === "header") this.#begin(message);
    else if (message.kind === "chunk") this.#append(message.bytes);
    else throw new ServiceError("MESSAGE_MALFORMED", "The message holds neither a header nor a chunk.");
  }

  #begin({ request, input, totalBytes }: Extract<PredictUploadRequest, { kind: "header" }>): void {
    if (this.#data !== undefined) throw new ServiceError("MESSAGE_UNEXPECTED", "An upload has one header, as its first message.");
    if (request === undefined) throw missingField("header.request");
    // What cannot be served is refused before its bytes are taken in.
    this.#api.assertServed(request);
    const { maxUploadBytes } = this.#limits;
    if (totalBytes > maxUploadBytes) {
      throw new ServiceError(
        "UPLOAD_TOO_LARGE",
        `The upload declares ${totalBytes} bytes; ${maxUploadBytes} are allowed (setting maxUploadBytes).`,
        {
          metadata: { maxUploadBytes: String(maxUploadBytes) },
          quota: { subject: "maxUploadBytes", description: `One upload may have ${maxUploadBytes} bytes.` },
        },
      );
    }
    const index = request.inputs.findIndex(({ name }) => name === input);
    const tensor = request.inputs[index];
    if (tensor === undefined) {
      const text = `header.input names ${quoteName(input)}, which is not among the request's inputs.`;
      throw new ServiceError("FIELD_INVALID", text, { violations: [{ field: "header.input", description: text }] });
    }
    if (tensor.bytes.byteLength > 0 || tensor.dtype === "STRING") {
      const text = "The uploaded input is listed without data and is not of type STRING.";
      throw new ServiceError("FIELD_INVALID", text, {
        violations: [{ field: `header.request.inputs[${quoteName(input)}]`, description: text }],
      });
    }
    // The message's memory is used again; small inputs that came with the header must not be.
    const inputs = request.inputs.map((other) => ({ ...other, bytes: Uint8Array.from(other.bytes) }));
    this.#request = { ...request, inputs };
    this.#input = index;
    const declared = tensor.dtype === undefined ? -1 : elementCount(tensor.shape) * ELEMENT_BYTES[tensor.dtype];
    if (declared >= 0 && declared !== totalBytes) {
      throw sizeMismatch(`${totalBytes} bytes are declared; shape [${tensor.shape.join(", ")}] of ${tensor.dtype} takes ${declared}.`);
    }
    if (!this.#budget.tryTake(totalBytes)) throw bytesExhausted("there is no room for this upload now");
    // Two uploads that each hold half the budget and wait for the other half would wait for ever.
    this.#wire.admitUpTo(Math.min(totalBytes + CHUNK_OVERHEAD_BYTES, this.#limits.maxMessageBytes));
    this.#data = new GrowingBuffer(totalBytes);
  }

  #append(chunk: Buffer): void {
    if (this.#data === undefined) throw new ServiceError("MESSAGE_UNEXPECTED", "An upload begins with a header; a chunk came.");
    if (chunk.byteLength > this.#data.missing) throw sizeMismatch(`More than the ${this.#data.size} bytes declared came.`);
    this.#data.append(chunk, 0, chunk.byteLength);
  }

  async #run(): Promise<void> {
    this.#running = true;
    const request = this.#request!;
    const inputs = request.inputs.map((tensor, index) => (index === this.#input ? { ...tensor, bytes: this.#data!.bytes } : tensor));
    try {
      this.#wire.finish(encodeUploadResponse(await this.#api.predict({ ...request, inputs }, this.#call)));
    } catch (error) {
      this.#wire.fail(this.#api.toServiceError(error));
    } finally {
      this.#running = false;
      this.#free();
    }
  }

  #fail(error: ServiceError): void {
    this.#call.finish();
    this.#wire.fail(error);
    this.#free();
  }

  #free(): void {
    if (this.#running || this.#data === undefined) return;
    this.#budget.give(this.#data.size);
    this.#data.release();
    this.#data = undefined;
  }
}

function sizeMismatch(text: string): ServiceError {
  return new ServiceError("UPLOAD_SIZE_MISMATCH", text, { violations: [{ field: "header.total_bytes", description: text }] });
}

/** PredictUploadResponse has the response as its only field. */
function encodeUploadResponse(response: PredictResponse): Buffer {
  const length = predictResponseSize(response);
  return frame(textFieldSize(length), (writer) => {
    writer.lengthPrefix(0x0a, length);
    encodePredictResponse(writer, response);
  });
}
