// The standard health service, as a promise and as a stream of changes.

import type { HealthCheckResponse, HealthClient } from "../../generated/grpc/health/v1/health.ts";
import type { CallOptions } from "./call-options.ts";
import { grpcOptions, headers } from "./call-options.ts";
import type { HealthStatus } from "./model.ts";
import { serverStream } from "./server-stream.ts";
import { unary } from "./unary.ts";

const STATUSES: readonly HealthStatus[] = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];

/** Asks once. */
export async function checkHealth(client: HealthClient, service: string, options: CallOptions, fallbackMs: number): Promise<HealthStatus> {
  return fromWire(await unary(client.check.bind(client), { service }, options, fallbackMs));
}

/** Gives the state now and after every change, until the loop is left. */
export function watchHealth(client: HealthClient, service: string, options: CallOptions): AsyncGenerator<HealthStatus, void, undefined> {
  return serverStream(() => client.watch({ service }, headers(options), grpcOptions(options, undefined)), fromWire, options);
}

function fromWire(response: HealthCheckResponse): HealthStatus {
  return STATUSES[response.status] ?? "UNKNOWN";
}
