// grpc.health.v1.Health.

import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthListRequest,
  HealthListResponse,
} from "../../../../generated/grpc/health/v1/health.ts";
import type { Health, HealthMap } from "../../../api/health.ts";
import { ServiceError } from "../../../errors.ts";
import { quoteName } from "../../../predict/quote-name.ts";
import type { Methods, OpenMethod } from "../method.ts";
import { streamDeadline } from "../method.ts";
import { decodeGenerated, encodeGenerated, generatedUnary } from "./generated-unary.ts";
import type { SingleMessageOptions } from "./unary.ts";
import { singleMessage } from "./unary.ts";

/** Makes the methods. */
export function healthMethods(health: HealthMap, options: SingleMessageOptions): Methods {
  return {
    "/grpc.health.v1.Health/Check": generatedUnary(options, HealthCheckRequest, HealthCheckResponse, ({ service }) => {
      const known = health.get(service);
      if (known !== undefined) return { status: toStatus(known) };
      throw new ServiceError("SERVICE_UNKNOWN", `No service or model is named ${quoteName(service)}.`, {
        resource: { type: "service", name: service.slice(0, 256) },
      });
    }),
    "/grpc.health.v1.Health/List": generatedUnary(options, HealthListRequest, HealthListResponse, () => ({
      statuses: Object.fromEntries(health.entries().map(([name, state]) => [name, { status: toStatus(state) }])),
    })),
    "/grpc.health.v1.Health/Watch": watchMethod(health, options),
  };
}

/** Watch has no deadline of its own and no idle limit: silence is its normal state. */
function watchMethod(health: HealthMap, options: SingleMessageOptions): OpenMethod {
  return singleMessage({ ...options, deadlineOf: streamDeadline, endOnDrain: true }, async (message, call, wire, release) => {
    const { service } = readRequest(message, release);
    const send = (state: Health | undefined): void => {
      wire.send(encodeGenerated(HealthCheckResponse, { status: toStatus(state) }));
    };
    const stop = health.watch(service, send);
    call.onAbort((error) => {
      stop();
      wire.fail(error);
    });
    send(health.get(service));
  });
}

function readRequest(message: Buffer, release: () => void): HealthCheckRequest {
  try {
    return decodeGenerated(HealthCheckRequest, message);
  } finally {
    release();
  }
}

function toStatus(health: Health | undefined): ServingStatus {
  if (health === undefined) return ServingStatus.SERVICE_UNKNOWN;
  return health === "serving" ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
}
