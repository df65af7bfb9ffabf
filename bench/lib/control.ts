// Questions that the bench asks a server outside the measured load: is it serving, what has it counted, what does it answer.

import { Client, credentials, Metadata } from "@grpc/grpc-js";
import type { MethodDefinition, ServiceError } from "@grpc/grpc-js";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { HealthCheckResponse, HealthCheckResponse_ServingStatus, HealthService } from "../../generated/grpc/health/v1/health.ts";
import { ModelServiceService } from "../../generated/predictd/v1/model.ts";
import type { Model } from "../../generated/predictd/v1/model.ts";
import type { ServerProcess } from "./processes.ts";

const pollMs = 5;

async function reachable(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** One unary call with a connection of its own. */
export async function callOnce<Request, Response>(
  port: number,
  method: Pick<MethodDefinition<Request, Response>, "path" | "requestSerialize" | "responseDeserialize">,
  request: Request,
  host = "127.0.0.1",
): Promise<Response> {
  const client = new Client(`${host}:${port}`, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  try {
    return await new Promise<Response>((resolve, reject) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        new Metadata(),
        { deadline: Date.now() + 10_000 },
        (error: ServiceError | null, response?: Response) => {
          if (error !== null) reject(error);
          else if (response !== undefined) resolve(response);
        },
      );
    });
  } finally {
    client.close();
  }
}

/** Waits until the port accepts connections. */
export async function waitListening(server: ServerProcess, timeoutMs = 30_000): Promise<void> {
  for (const until = performance.now() + timeoutMs; performance.now() < until; await sleep(pollMs)) {
    server.assertAlive();
    if (await reachable(server.port)) return;
  }
  throw new Error(`Nothing listens on port ${server.port} after ${timeoutMs} ms.`);
}

/** Waits until `grpc.health.v1.Health/Check` says SERVING for the whole server. */
export async function waitServing(server: ServerProcess, timeoutMs = 60_000): Promise<void> {
  await waitListening(server, timeoutMs);
  for (const until = performance.now() + timeoutMs; performance.now() < until; await sleep(pollMs)) {
    server.assertAlive();
    const { status } = await callOnce(server.port, HealthService.check, { service: "" }).catch(() => HealthCheckResponse.fromPartial({}));
    if (status === HealthCheckResponse_ServingStatus.SERVING) return;
  }
  throw new Error(`The server on port ${server.port} is not SERVING after ${timeoutMs} ms.`);
}

/** What ModelService.GetModel says of a model. */
export async function getModel(port: number, name: string): Promise<Model> {
  const { model } = await callOnce(port, ModelServiceService.getModel, { name, version: "" });
  if (model === undefined) throw new Error(`The server shows nothing for model ${name}.`);
  return model;
}

/** Predictions that the server has answered with OK, over all versions of a model. */
export async function okCount(port: number, model: string): Promise<number> {
  const { versions } = await getModel(port, model);
  return Number(versions.reduce((sum, version) => sum + (version.statistics?.okCount ?? 0n), 0n));
}

const sameBytes = (bytes: Buffer): Buffer => bytes;

/** Bytes of the server's answer to an encoded PredictRequest. */
export async function answerOf(port: number, request: Buffer): Promise<Buffer> {
  return await callOnce(
    port,
    { path: "/predictd.v1.PredictionService/Predict", requestSerialize: sameBytes, responseDeserialize: sameBytes },
    request,
  );
}
