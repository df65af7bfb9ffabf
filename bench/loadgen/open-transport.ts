// Opens the transport of a target for the classes of a schedule.

import { httpRequest, inferMessage } from "./bodies.ts";
import { openGrpcTransport } from "./grpc-transport.ts";
import { openHttpTransport } from "./http-transport.ts";
import type { CallClass } from "./schedule.ts";
import { inputsOf } from "./server-facts.ts";
import type { InputSpec, Target } from "./target.ts";
import type { Transport, TransportEvents } from "./transport.ts";

const inferPath = "/inference.GRPCInferenceService/ModelInfer";

/** Connections of a run. */
export interface ConnectionOptions {
  readonly connections: number;
  readonly maxCallsPerConnection: number;
}

/** Opens it. @throws Error when the server cannot be reached or the model's inputs are unknown. */
export async function openTransport(
  target: Target,
  classes: readonly CallClass[],
  options: ConnectionOptions,
  events: TransportEvents,
): Promise<Transport> {
  const { host, port } = target;
  const inputs = new Map<string, readonly InputSpec[]>();
  for (const model of new Set(classes.map((callClass) => callClass.model))) inputs.set(model, await inputsOf(target, model));
  const inputsFor = ({ model }: CallClass): readonly InputSpec[] => inputs.get(model) ?? [];
  if (target.protocol !== "oip-grpc") {
    const requests = classes.map((callClass) => httpRequest(callClass, target, inputsFor(callClass)));
    return openHttpTransport({ host, port, requests, connections: options.connections }, events);
  }
  const messages = classes.map((callClass) => inferMessage(callClass, inputsFor(callClass), target.tritonTimeoutSlackMs));
  return await openGrpcTransport({ host, port, path: inferPath, messages, ...options }, events);
}
