// `predictd health`: one word on stdout.

import { createClient } from "../client/client.ts";
import { EXIT } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Prints the state of a service.
 * @returns the exit code.
 * @throws PredictdError when the server cannot be asked.
 */
export async function checkHealth(
  service: string,
  { address, timeoutMs }: { readonly address: string; readonly timeoutMs: number },
  { stdout, signal }: Terminal,
): Promise<number> {
  const client = createClient(address);
  try {
    const health = await client.health(service, { timeoutMs, signal });
    stdout.write(`${health}\n`);
    return health === "SERVING" ? EXIT.ok : EXIT.failed;
  } finally {
    client.close();
  }
}
