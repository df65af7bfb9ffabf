// The server under load: where it listens, what it speaks and what its model takes.

/** Protocols that the generator speaks. */
export const protocols = ["oip-grpc", "oip-http", "json-http"] as const;

/** `oip-grpc`: ModelInfer with raw contents; `oip-http`: POST /v2/models/<model>/infer; `json-http`: POST of `{"<input>": rows}`. */
export type Protocol = (typeof protocols)[number];

/** One input of a model. */
export interface InputSpec {
  readonly name: string;
  /** As the Open Inference Protocol writes it: FP32, INT64, … */
  readonly datatype: string;
  /** One row; -1 for the dimension that a schedule's lengths fill. */
  readonly rowShape: readonly number[];
}

/** A server and how to call it. */
export interface Target {
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
  /** Inputs of every model of the schedule. Default: asked of the server, which `json-http` has no question for. */
  readonly inputs?: readonly InputSpec[];
  /** `json-http`: where to post to. Default `/predict`. `{model}` is replaced. */
  readonly path?: string;
  /** `json-http`: whether one row is sent as it is instead of as a list of rows. Default false. */
  readonly bareRow?: boolean;
  /**
   * `oip-grpc`: sends Triton's request parameter `timeout` too, the deadline less this many milliseconds. Default: not sent.
   */
  readonly tritonTimeoutSlackMs?: number;
}

/** Reads `127.0.0.1:8001` or `http://127.0.0.1:8000/predict`. @throws Error without a port. */
export function parseAddress(text: string): Pick<Target, "host" | "port" | "path"> {
  const url = new URL(text.includes("://") ? text : `http://${text}`);
  if (url.port === "") throw new Error(`${text}: the port is missing.`);
  const path = decodeURI(url.pathname) === "/" ? {} : { path: decodeURI(url.pathname) };
  return { host: url.hostname, port: Number(url.port), ...path };
}

/** Reads `x:FP32:1024`; dimensions are joined by `x`, -1 or `L` for the schedule's lengths. @throws Error for another form. */
export function parseInput(text: string): InputSpec {
  const [name, datatype, dims, ...rest] = text.split(":");
  if (name === undefined || datatype === undefined || rest.length > 0) throw new Error(`${text}: expected name:DATATYPE:dims.`);
  const rowShape = (dims ?? "").split("x").flatMap((dim) => (dim === "" ? [] : [dim === "L" ? -1 : Number(dim)]));
  if (rowShape.some((dim) => !Number.isInteger(dim) || dim === 0 || dim < -1)) throw new Error(`${text}: ${dims} are no dimensions.`);
  return { name, datatype: datatype.toUpperCase(), rowShape };
}

/** The target in a few words. */
export function targetText({ protocol, host, port, path }: Target): string {
  return `${protocol} ${host}:${port}${path ?? ""}`;
}
