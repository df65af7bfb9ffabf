// What callers are told about models that cannot answer.

import { ServiceError } from "../errors.ts";
import { quoteName } from "../predict/quote-name.ts";
import type { Entry } from "./entry.ts";
import type { Version } from "./version.ts";

/** How long a caller should wait before asking again for a model that is not ready, in milliseconds. */
const NOT_READY_RETRY_MS = 1000;

/** No model has this name. */
export function modelNotFound(name: string): ServiceError {
  const text = name === "" ? "The request names no model." : `Request for unknown model: ${inQuotes(name)} is not found`;
  return new ServiceError("MODEL_NOT_FOUND", text, {
    resource: { type: "model", name: name.slice(0, 256) },
    metadata: { stage: "route" },
  });
}

/** The model has no such version. */
export function versionNotFound(name: string, version: string): ServiceError {
  const text = `Request for unknown model: ${inQuotes(name)} version ${quoteName(version).slice(1, -1)} is not found`;
  return new ServiceError("VERSION_NOT_FOUND", text, {
    resource: { type: "model version", name: `${name}/${version}`.slice(0, 256) },
    metadata: { stage: "route" },
  });
}

/** The model is known and does not answer now. @param version the one to blame; undefined when it has none. */
export function notReady(entry: Entry, version: Version | undefined): ServiceError {
  const state = version?.state ?? "failed";
  const known = version?.reason || entry.problem;
  const isSetAside = state === "unloaded";
  const reason = isSetAside && (known === state || known === "not loaded") ? "" : known;
  return new ServiceError(
    "MODEL_NOT_READY",
    `Model ${quoteName(entry.name)} is ${isSetAside ? "not loaded" : state}${reason === "" ? "" : `: ${reason}`}`.slice(0, 500),
    { retryAfterMs: NOT_READY_RETRY_MS, metadata: { stage: "route", state }, resource: { type: "model", name: entry.name } },
  );
}

/** Another call loads or unloads the model. */
export function modelChanging(name: string): ServiceError {
  return new ServiceError("MODEL_CHANGING", `Model ${quoteName(name)} is being loaded or unloaded by another call.`, {
    retryAfterMs: NOT_READY_RETRY_MS,
    resource: { type: "model", name: name.slice(0, 256) },
  });
}

/** Nothing is loaded or unloaded any more. */
export function serverClosing(): ServiceError {
  return new ServiceError("SERVER_DRAINING", "The server is going away; its models are not changed any more.", {
    retryAfterMs: NOT_READY_RETRY_MS,
  });
}

/** As Triton's clients know these texts. */
function inQuotes(name: string): string {
  return `'${quoteName(name).slice(1, -1)}'`;
}
