// `predictd call`: any method of any server whose proto files are at hand, JSON in and JSON out.

import { once } from "node:events";
import { text } from "node:stream/consumers";
import { addAbortSignal } from "node:stream";
import { createDynamicClient } from "../client/dynamic-client.ts";
import { parseHeader } from "./call/header-flag.ts";
import { loadProtos } from "./call/load-protos.ts";
import { parseMessages } from "./call/parse-messages.ts";
import { findMethod, readSchema } from "./call/proto-schema.ts";
import { readMessage } from "./call/read-message.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

/** Flags of `call`. */
export interface CallFlags {
  readonly address: string;
  readonly timeoutMs: number;
  readonly proto?: readonly string[];
  readonly include?: readonly string[];
  readonly json?: string;
  readonly metadata?: readonly string[];
}

/**
 * Runs the command. Every answer is one line of JSON: fields in camelCase, 64-bit integers as strings, enums by name, bytes in base64,
 * fields that are not set left out. Well-known types but Any are shown field by field.
 * @param name `package.Service/Method`.
 * @throws UsageError for proto files, a method, or messages that cannot be used, PredictdError for what the server answers.
 */
export async function call(name: string, flags: CallFlags, terminal: Terminal): Promise<void> {
  const { stdout, signal, cwd } = terminal;
  if (flags.include !== undefined && flags.proto === undefined) throw new UsageError("--include goes with --proto only.");
  const definition = loadProtos(flags.proto, flags.include ?? [], cwd);
  const method = findMethod(definition, name);
  const schema = readSchema(definition);
  const inputType = schema.inputTypes.get(method.path)!;
  const values = parseMessages(flags.json === undefined ? undefined : await readJsonFlag(flags.json, terminal), method.requestStream);
  const requests = values.map((value, index) =>
    readMessage(value, inputType, schema, method.requestStream && values.length > 1 ? `--json message ${index + 1}` : "--json"),
  );
  const headers = (flags.metadata ?? []).map(parseHeader);

  const client = createDynamicClient({ address: flags.address, defaultDeadlineMs: flags.timeoutMs });
  try {
    for await (const response of client.call(method, requests, { signal, headers })) {
      if (!stdout.write(`${JSON.stringify(response)}\n`)) await once(stdout, "drain", { signal });
    }
  } finally {
    client.close();
  }
}

async function readJsonFlag(value: string, { cwd, signal }: Terminal): Promise<string> {
  if (value === "@-") return text(addAbortSignal(signal, process.stdin));
  if (!value.startsWith("@")) return value;
  const { readTextFlag } = await import("./input/json-input.ts");
  return readTextFlag("--json", value, cwd);
}
