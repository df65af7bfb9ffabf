// The `grpc-timeout` header.

import { ServiceError } from "../../errors.ts";

const FORM = /^(\d{1,8})([HMSmun])$/;

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000_001 };

/** Milliseconds the caller gives; undefined without the header. @throws ServiceError DEADLINE_INVALID. */
export function parseGrpcTimeout(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const match = FORM.exec(header);
  if (match === null) {
    throw new ServiceError("DEADLINE_INVALID", "grpc-timeout must be 1 to 8 digits and a unit out of H, M, S, m, u, n.", {
      violations: [{ field: "grpc-timeout", description: "1 to 8 digits and a unit out of H, M, S, m, u, n" }],
    });
  }
  return Number(match[1]) * UNIT_MS[match[2]!]!;
}
