// From where a server listens to where a client on the same machine finds it.

/** A wildcard host as the loopback address of its kind; anything else as it is. */
export function reachableAddress(address: string): string {
  return address.replace(/^0\.0\.0\.0:/, "127.0.0.1:").replace(/^\[::\]:/, "[::1]:");
}
