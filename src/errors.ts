// The one error class and the catalogue of everything a caller can be told.

/** Canonical status codes that predictd answers with, by their gRPC names. */
export type Code =
  | "CANCELLED"
  | "INVALID_ARGUMENT"
  | "DEADLINE_EXCEEDED"
  | "NOT_FOUND"
  | "RESOURCE_EXHAUSTED"
  | "FAILED_PRECONDITION"
  | "ABORTED"
  | "UNIMPLEMENTED"
  | "INTERNAL"
  | "UNAVAILABLE";

/** What the catalogue says about one reason. */
export interface CatalogueEntry {
  /** Canonical status code. */
  readonly code: Code;
  /** Code with the setting `compat: triton`, where Triton has another one. */
  readonly tritonCode?: Code;
  /** Whether the same request may succeed later without a change. */
  readonly retryable: boolean;
  /** One sentence for the README's error table. */
  readonly meaning: string;
}

/**
 * Every reason a caller can see, in `google.rpc.ErrorInfo.reason`. A reason is never renamed.
 * The README's error table and a meta test are made from this table.
 */
export const ERRORS = {
  MESSAGE_MALFORMED: { code: "INVALID_ARGUMENT", retryable: false, meaning: "The bytes are not the protobuf message this method takes." },
  MESSAGE_MISSING: { code: "INVALID_ARGUMENT", retryable: false, meaning: "The stream ended without the message this method needs." },
  MESSAGE_UNEXPECTED: {
    code: "INVALID_ARGUMENT",
    retryable: false,
    meaning: "A message came at a point where the method takes none of its kind.",
  },
  MESSAGE_TOO_LARGE: {
    code: "RESOURCE_EXHAUSTED",
    retryable: false,
    meaning: "One message is above `maxMessageBytes`, as sent or after decompression, or its answer would be.",
  },
  BYTES_EXHAUSTED: {
    code: "RESOURCE_EXHAUSTED",
    retryable: true,
    meaning: "The process holds `maxBufferedBytes` of messages and no room came up within `maxAdmitWaitMs`.",
  },
  ENCODING_UNSUPPORTED: {
    code: "UNIMPLEMENTED",
    retryable: false,
    meaning: "The message is compressed with something other than gzip or deflate.",
  },
  METHOD_UNKNOWN: { code: "UNIMPLEMENTED", retryable: false, meaning: "The server has no such method, or it is switched off." },
  METHOD_OFF: {
    code: "UNIMPLEMENTED",
    retryable: false,
    meaning:
      "The method, or what is asked of it, is switched off or not there; `setting` in the metadata names the switch where there is one.",
  },
  SETTING_READ_ONLY: { code: "UNIMPLEMENTED", retryable: false, meaning: "The setting cannot be changed over the network." },
  DEADLINE_INVALID: {
    code: "INVALID_ARGUMENT",
    retryable: false,
    meaning: "`grpc-timeout` is not a number of at most 8 digits with a unit.",
  },
  MODEL_NOT_FOUND: { code: "NOT_FOUND", retryable: false, meaning: "No model of this name is in the folder." },
  VERSION_NOT_FOUND: { code: "NOT_FOUND", retryable: false, meaning: "The model has no such version." },
  SERVICE_UNKNOWN: { code: "NOT_FOUND", retryable: false, meaning: "Health knows no service or model of this name." },
  MODEL_NOT_READY: {
    code: "UNAVAILABLE",
    retryable: true,
    meaning: "The model is known but still loading, has failed to load, or is going away.",
  },
  MODEL_DECOUPLED: {
    code: "UNIMPLEMENTED",
    retryable: false,
    meaning: "The model answers a request any number of times, which this method cannot carry; use `ModelStreamInfer`.",
  },
  MODEL_CHANGING: {
    code: "ABORTED",
    retryable: true,
    meaning: "The model is being loaded or unloaded by another call.",
  },
  MODEL_LOAD_FAILED: {
    code: "FAILED_PRECONDITION",
    retryable: false,
    meaning: "The model could not be loaded; what served before still serves.",
  },
  CONFIG_INVALID: {
    code: "INVALID_ARGUMENT",
    retryable: false,
    meaning: "A model configuration that came with a load call cannot be used.",
  },
  FILE_INVALID: {
    code: "INVALID_ARGUMENT",
    retryable: false,
    meaning: "A file that came with a load call has a path outside of the model's folder, or came without `config`.",
  },
  INPUT_MISSING: { code: "INVALID_ARGUMENT", retryable: false, meaning: "A required input is not in the request." },
  INPUT_UNKNOWN: { code: "INVALID_ARGUMENT", retryable: false, meaning: "The model has no input of this name." },
  INPUT_DUPLICATE: { code: "INVALID_ARGUMENT", retryable: false, meaning: "An input is given more than once." },
  INPUT_TYPE_MISMATCH: {
    code: "INVALID_ARGUMENT",
    retryable: false,
    meaning: "An input's data type is not the signature's, or its elements stand in another type's field.",
  },
  INPUT_SHAPE_MISMATCH: {
    code: "INVALID_ARGUMENT",
    retryable: false,
    meaning: "An input's rank or a dimension does not fit the signature, is negative or too large, or rows differ between inputs.",
  },
  INPUT_SIZE_MISMATCH: {
    code: "INVALID_ARGUMENT",
    retryable: false,
    meaning: "The data is not exactly as long as shape and data type say.",
  },
  INPUT_TOO_LARGE: {
    code: "RESOURCE_EXHAUSTED",
    retryable: false,
    meaning:
      "A request has more than `maxRequestRows` rows or needs more than 65,536 runs, a STRING input has more than `maxStringElements` elements, more than 262,144 classes are asked for, or typed contents would take more memory than a message may.",
  },
  INPUT_VALUE_INVALID: {
    code: "INVALID_ARGUMENT",
    retryable: false,
    meaning: "A value cannot be represented, e.g. text with a NUL character.",
  },
  ROWS_EMPTY: { code: "INVALID_ARGUMENT", retryable: false, meaning: "A request of zero rows." },
  OUTPUT_UNKNOWN: { code: "INVALID_ARGUMENT", retryable: false, meaning: "A requested output does not exist." },
  OUTPUT_DUPLICATE: { code: "INVALID_ARGUMENT", retryable: false, meaning: "An output is requested more than once." },
  OUTPUT_NOT_CLASSIFIABLE: {
    code: "INVALID_ARGUMENT",
    retryable: false,
    meaning: "Classes were asked for of an output that has no ordered numbers.",
  },
  PARAMETER_INVALID: {
    code: "INVALID_ARGUMENT",
    retryable: false,
    meaning: "A reserved parameter or a setting is unknown, has the wrong type or is out of range.",
  },
  SHARED_MEMORY_UNKNOWN: {
    code: "NOT_FOUND",
    retryable: false,
    meaning: "A tensor names a shared memory region; none can be registered here.",
  },
  FIELD_INVALID: {
    code: "INVALID_ARGUMENT",
    retryable: false,
    meaning: "Another field of the request is out of range; the violation names it.",
  },
  UPLOAD_SIZE_MISMATCH: { code: "INVALID_ARGUMENT", retryable: false, meaning: "An upload is longer or shorter than declared." },
  UPLOAD_TOO_LARGE: { code: "RESOURCE_EXHAUSTED", retryable: false, meaning: "An upload declares more than `maxUploadBytes`." },
  MODEL_REJECTED_INPUT: {
    code: "INVALID_ARGUMENT",
    retryable: false,
    meaning: "The model itself failed on this request's values, e.g. an index out of range; other requests of the batch were answered.",
  },
  MODEL_RUN_FAILED: { code: "INTERNAL", retryable: false, meaning: "The model's run failed for a reason that is not this request's." },
  QUEUE_FULL: {
    code: "RESOURCE_EXHAUSTED",
    tritonCode: "UNAVAILABLE",
    retryable: true,
    meaning:
      "More rows wait than `maxQueueRows` allows, more input bytes than `maxQueueBytes`, or more requests than their level's policy.",
  },
  DEADLINE_UNREACHABLE: {
    code: "RESOURCE_EXHAUSTED",
    tritonCode: "UNAVAILABLE",
    retryable: true,
    meaning: "With what waits before it the request is predicted to miss its deadline; a less busy server would make it.",
  },
  DEADLINE_EXCEEDED: {
    code: "DEADLINE_EXCEEDED",
    retryable: false,
    meaning:
      "The deadline passed; `stage` in the metadata says where. With `predicted` in the metadata it has not passed, but the answer would be late however soon the run started.",
  },
  QUEUE_TIMEOUT: {
    code: "DEADLINE_EXCEEDED",
    tritonCode: "UNAVAILABLE",
    retryable: false,
    meaning: "The run did not start within the request's or the model's queue timeout.",
  },
  CANCELLED: { code: "CANCELLED", retryable: false, meaning: "The caller cancelled or went away." },
  WORKER_LOST: { code: "UNAVAILABLE", retryable: true, meaning: "The worker died under the run; it is being replaced." },
  MODEL_STALLED: {
    code: "UNAVAILABLE",
    retryable: true,
    meaning: "Every instance of the model is held by a run that does not end, and the deadline leaves no time to wait for one.",
  },
  SERVER_DRAINING: {
    code: "UNAVAILABLE",
    retryable: true,
    meaning: "The server is shutting down, or the connection has reached `maxConnectionAgeMs`; use a new connection.",
  },
  INTERNAL: { code: "INTERNAL", retryable: false, meaning: "A bug; the log has the cause under the opaque id." },
} as const satisfies Record<string, CatalogueEntry>;

/** A reason of the catalogue. */
export type Reason = keyof typeof ERRORS;

/** One field of the request that is wrong. */
export interface Violation {
  /** Path of the field, e.g. `inputs[1].shape` or `inputs["image"].shape[2]`. */
  readonly field: string;
  /** What is wrong with it and what is allowed. */
  readonly description: string;
}

/** What a ServiceError may carry besides its message. */
export interface ErrorOptions {
  /** Fields of the request that are wrong. */
  readonly violations?: readonly Violation[];
  /** Everything dynamic in the message, for programs. Keys in camelCase, at most 64 characters. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** When a retry may succeed, in milliseconds. Only for retryable reasons. */
  readonly retryAfterMs?: number;
  /** The thing that was not found. */
  readonly resource?: { readonly type: string; readonly name: string };
  /** The limit that was passed. */
  readonly quota?: { readonly subject: string; readonly description: string };
  /** Whether it answers with the catalogue's `tritonCode`, where the reason has one; false by default. */
  readonly likeTriton?: boolean;
  /** For the log only; never reaches a caller. */
  readonly cause?: unknown;
  /** Whether many calls get this very object, so that it is worth keeping what it looks like on a wire. */
  readonly recurs?: boolean;
}

/** An outcome that a caller is told about. Everything else that is thrown is a bug and leaves as INTERNAL with an opaque id. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  /** Reason from the catalogue. */
  readonly reason: Reason;
  /** Fields of the request that are wrong; empty when none is named. */
  readonly violations: readonly Violation[];
  /** Dynamic parts of the message. */
  readonly metadata: Readonly<Record<string, string>>;
  /** When a retry may succeed, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** The thing that was not found. */
  readonly resource: ErrorOptions["resource"];
  /** The limit that was passed. */
  readonly quota: ErrorOptions["quota"];
  /** Whether many calls get this very object: refusals under overload. */
  readonly recurs: boolean;
  readonly #likeTriton: boolean;

  constructor(reason: Reason, message: string, options: ErrorOptions = {}) {
    // Refusals are made by the thousand under overload and their stack says nothing: only the constructor's own cost remains.
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    Error.stackTraceLimit = limit;
    this.reason = reason;
    this.violations = options.violations ?? [];
    this.metadata = options.metadata ?? {};
    this.retryAfterMs = options.retryAfterMs;
    this.resource = options.resource;
    this.quota = options.quota;
    this.recurs = options.recurs ?? false;
    this.#likeTriton = options.likeTriton ?? false;
  }

  /** Canonical status code of the reason. */
  get code(): Code {
    const { code, tritonCode = code }: CatalogueEntry = ERRORS[this.reason];
    return this.#likeTriton ? tritonCode : code;
  }
}
