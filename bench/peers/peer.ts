// What the bench knows about a server that it compares: how to start it, how to speak to it, what it was told.

/** How a peer is spoken to. */
export type PeerProtocol =
  /** ModelInfer of the Open Inference Protocol over gRPC, tensors as raw bytes. */
  | "oip-grpc"
  /** `POST {"x": [[…], …]}`, answered with `{"y": [[…], …]}` or the bare rows. */
  | "json-http";

/** The model that is served, the same file for everybody. */
export interface ServedModel {
  /** Name in requests. */
  readonly name: string;
  /** The ONNX file; its input is `x`, its output `y`. */
  readonly file: string;
  /** Folder that holds it as `<name>/<version>/model.onnx`. */
  readonly folder: string;
}

/** What a peer is started with. */
export interface PeerStart {
  readonly model: ServedModel;
  /** Interface that it listens on. */
  readonly host: string;
  /** Port that the bench speaks to. */
  readonly port: number;
  /** A second free port, for listeners that a peer does not let go of. */
  readonly sparePort: number;
  /** Most rows of a batch. */
  readonly maxBatch: number;
  /** Threads of one run. */
  readonly threads: number;
  /** Deadline of the callers in milliseconds where all have the same, for peers that want to be told one. */
  readonly deadlineMs: number;
  /** The longest deadline that a caller has, in milliseconds. */
  readonly longestDeadlineMs: number;
  /**
   * Milliseconds that a full batch takes in the server itself, by its measured capacity, for peers that are tuned by hand; what the bare
   * runtime takes while that capacity is being measured.
   */
  readonly fullBatchMs: number;
  /** An empty folder that is removed afterwards. */
  readonly tempDir: string;
}

/** Command of a server and what it needs around it. */
export interface PeerCommand {
  readonly command: readonly string[];
  readonly cwd: string;
  /** Added to the bench's own environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** One server of the comparison, or one way to configure it. */
export interface Peer {
  /** Name on the command line and in results. */
  readonly name: string;
  /** Name and version for people. */
  readonly title: string;
  /** Its folder in bench/peers, which is also its Python environment; undefined for those that run on Node. */
  readonly environment?: string;
  readonly protocol: PeerProtocol;
  /** Path of an HTTP request. */
  readonly path?: string;
  /** Whether requests carry Triton's parameter `timeout`: their deadline, or what the server's own full batch leaves of it. */
  readonly requestTimeout?: "deadline" | "deadline less full batch";
  /**
   * Name of the peer whose capacity counts as its own: a variant that refuses what waits too long is never given a queue that fills its
   * batches. Undefined: its own.
   */
  readonly capacityOf?: string;
  /** Names of the only points that it is measured at; undefined for all. */
  readonly onlyPoints?: readonly string[];
  /** How it is configured, in one sentence for the page. */
  readonly configuration: string;
  /** Makes its command. @throws Error where its environment is not installed. */
  start(start: PeerStart): PeerCommand;
}
