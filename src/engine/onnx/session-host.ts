// Owns onnxruntime sessions and runs them one at a time, wherever it lives: a worker thread or the main thread.

import type { InferenceSession, Tensor as RuntimeTensor } from "onnxruntime-node";
import ort from "onnxruntime-node";
import type { DType } from "../../tensor/dtype.ts";
import { VIEW_OF_DTYPE } from "../../tensor/typed-views.ts";
import type { InputPlace, OutputPlace, PortInfo, SessionSpec, WorkerReply, WorkerRequest } from "./protocol.ts";
import { runtimeProviders } from "./providers.ts";
import { DTYPE_OF_RUNTIME, RUNTIME_OF_DTYPE } from "./runtime-types.ts";
import { decodeStrings, encodeStrings } from "./strings.ts";

/** onnxruntime writes nothing below this level to stderr; its texts reach our log through the errors it throws. */
const LOG_SEVERITY_FATAL = 4;

/** What older Node 22 releases say when native code is given a typed array over shared memory; there inputs are copied once more. */
const REFUSES_SHARED_MEMORY = "Invalid argument";

interface Loaded {
  readonly session: InferenceSession;
  readonly inputs: readonly PortInfo[];
  readonly outputs: readonly PortInfo[];
}

/** What a host is made with. */
export interface SessionHostOptions {
  /** Told every answer; `transfer` are the buffers of its outputs, each once. */
  readonly reply: (reply: WorkerReply, transfer: readonly ArrayBuffer[]) => void;
  /** Called when everything before the request to exit has been done. */
  readonly exit: () => void;
}

/** Takes requests in their order; one that has begun is never overlapped by the next. */
export class SessionHost {
  readonly #options: SessionHostOptions;
  readonly #sessions = new Map<number, Loaded>();
  readonly #slots: SharedArrayBuffer[] = [];
  #takesSharedMemory = true;
  #tail = Promise.resolve();

  constructor(options: SessionHostOptions) {
    this.#options = options;
  }

  /** Takes a request in; what becomes of it goes to `reply`. */
  take(request: WorkerRequest): void {
    this.#tail = this.#tail.then(() => this.#handle(request));
  }

  async #handle(message: WorkerRequest): Promise<void> {
    if (message.type === "slot") {
      this.#slots[message.slot] = message.buffer;
      return;
    }
    if (message.type === "exit") {
      this.#options.exit();
      return;
    }
    try {
      if (message.type === "create") await this.#create(message.id, message.session, message.spec);
      else if (message.type === "release") await this.#release(message.id, message.session);
      else await this.#run(message.id, message.session, this.#slots[message.slot], message.inputs, message.outputs);
    } catch (error) {
      this.#reply({ id: message.id, type: "failed", message: error instanceof Error ? error.message : String(error) });
    }
  }

  #reply(message: WorkerReply, transfer: readonly ArrayBuffer[] = []): void {
    this.#options.reply(message, transfer);
  }

  async #create(id: number, key: number, spec: SessionSpec): Promise<void> {
    const session = await ort.InferenceSession.create(spec.path, {
      executionProviders: runtimeProviders(spec),
      intraOpNumThreads: spec.intraOpThreads,
      interOpNumThreads: spec.parallelExecution ? spec.interOpThreads : 1,
      executionMode: spec.parallelExecution ? "parallel" : "sequential",
      graphOptimizationLevel: spec.graphOptimization,
      logSeverityLevel: LOG_SEVERITY_FATAL,
      extra: { session: { intra_op: { allow_spinning: "0" }, inter_op: { allow_spinning: "0" } } },
    });
    // A worker that is being replaced may be asked twice.
    await this.#sessions.get(key)?.session.release();
    const loaded = { session, inputs: session.inputMetadata.map(portInfo), outputs: session.outputMetadata.map(portInfo) };
    this.#sessions.set(key, loaded);
    this.#reply({ id, type: "created", info: { inputs: loaded.inputs, outputs: loaded.outputs } });
  }

  async #release(id: number, key: number): Promise<void> {
    const loaded = this.#sessions.get(key);
    this.#sessions.delete(key);
    await loaded?.session.release();
    this.#reply({ id, type: "released" });
  }

  async #run(
    id: number,
    key: number,
    slot: SharedArrayBuffer | undefined,
    inputs: readonly InputPlace[],
    outputs: readonly number[],
  ): Promise<void> {
    const loaded = this.#sessions.get(key);
    if (loaded === undefined || slot === undefined) throw new Error("The session or slot is not here. This is a bug.");
    const names = outputs.map((output) => loaded.outputs[output]!.name);
    const started = performance.now();
    const results = await this.#runSession(loaded, names, slot, inputs);
    const runMs = performance.now() - started;
    const places = names.map((name) => place(results[name]!));
    const transfer: ArrayBuffer[] = [];
    for (const { bytes } of places) {
      const buffer = bytes.buffer as ArrayBuffer;
      if (!transfer.includes(buffer)) transfer.push(buffer);
    }
    this.#reply({ id, type: "ran", outputs: places, runMs }, transfer);
  }

  async #runSession(
    loaded: Loaded,
    names: readonly string[],
    slot: SharedArrayBuffer,
    inputs: readonly InputPlace[],
  ): Promise<InferenceSession.ReturnType> {
    const feeds: Record<string, RuntimeTensor> = {};
    for (let i = 0; i < inputs.length; i++) {
      const { name, dtype } = loaded.inputs[i]!;
      feeds[name] = this.#feed(dtype!, slot, inputs[i]!);
    }
    try {
      return await loaded.session.run(feeds, names);
    } catch (error) {
      if (!this.#takesSharedMemory || !(error instanceof Error) || error.message !== REFUSES_SHARED_MEMORY) throw error;
      this.#takesSharedMemory = false;
      return await this.#runSession(loaded, names, slot, inputs);
    }
  }

  #feed(dtype: DType, slot: SharedArrayBuffer, { offset, byteLength, dims }: InputPlace): RuntimeTensor {
    const type = RUNTIME_OF_DTYPE[dtype];
    let data: unknown;
    if (dtype === "STRING") {
      let count = 1;
      for (const dim of dims) count *= dim;
      data = decodeStrings(new Uint8Array(slot, offset, byteLength), count);
    } else {
      const View = VIEW_OF_DTYPE[dtype];
      // The types of Node 24 give typed arrays over shared memory a type of their own; the values are the same.
      const shared = slot as unknown as ArrayBuffer;
      data = this.#takesSharedMemory
        ? new View(shared, offset, byteLength / View.BYTES_PER_ELEMENT)
        : new View(new Uint8Array(shared, offset, byteLength).slice().buffer);
    }
    // The tensor's constructor copies nothing but checks types it does not know (float16 as bits); the binding only reads these four.
    return { type, dims, location: "cpu", data } as unknown as RuntimeTensor;
  }
}

function portInfo(metadata: InferenceSession.ValueMetadata): PortInfo {
  if (!metadata.isTensor) return { name: metadata.name, dtype: undefined, typeName: "not a tensor", dims: [] };
  const dims = metadata.shape.map((dim) =>
    typeof dim === "number" && dim >= 0 ? { size: dim, symbol: "" } : { size: -1, symbol: typeof dim === "string" ? dim : "" },
  );
  return { name: metadata.name, dtype: DTYPE_OF_RUNTIME[metadata.type], typeName: metadata.type, dims };
}

function place(tensor: RuntimeTensor): OutputPlace {
  const data = tensor.data as ArrayBufferView<ArrayBuffer> | readonly string[];
  if (Array.isArray(data)) return { dims: tensor.dims, bytes: encodeStrings(data) };
  const { buffer, byteOffset, byteLength } = data as ArrayBufferView<ArrayBuffer>;
  return { dims: tensor.dims, bytes: new Uint8Array(buffer, byteOffset, byteLength) };
}
