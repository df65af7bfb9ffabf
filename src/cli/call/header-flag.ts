// `--metadata`: one request header.

import type { Header } from "../../client/dynamic-client.ts";
import { UsageError } from "../usage-error.ts";
import { decodeBase64 } from "./scalar-value.ts";

/**
 * A header from `key=value`; the value of a key that ends in `-bin` is base64.
 * @throws UsageError saying what is allowed.
 */
export function parseHeader(flag: string): Header {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(flag) ?? [];
  if (key === undefined || value === undefined) throw new UsageError(`--metadata ${flag}: write it as --metadata key=value.`);
  if (!/^[0-9a-z_.-]+$/i.test(key)) throw new UsageError(`--metadata ${flag}: a key has only letters, digits, "_", "-" and ".".`);
  if (key.toLowerCase().endsWith("-bin")) {
    const bytes = decodeBase64(value);
    if (bytes === undefined) throw new UsageError(`--metadata ${flag}: the value of a key that ends in -bin must be base64.`);
    return [key, bytes];
  }
  if (!/^[ -~]*$/.test(value)) {
    throw new UsageError(`--metadata ${flag}: a value has only printable ASCII; use a key that ends in -bin and base64 for other bytes.`);
  }
  return [key, value];
}
