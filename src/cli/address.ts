// Where the commands that ask a server find it.

import { InvalidArgumentError } from "commander";

/** Environment name of `--address`. */
export const ADDRESS_ENV = "PREDICTD_ADDRESS";

/** Where a server with default settings listens. */
export const DEFAULT_ADDRESS = "127.0.0.1:8001";

/**
 * Checks an address.
 * @throws InvalidArgumentError saying what is allowed.
 */
export function parseAddress(text: string): string {
  const hostAndPort = /^([^\s/:]+|\[[0-9a-f:.]+\]):(\d{1,5})$/i.exec(text);
  const target = /^(dns|unix|ipv4|ipv6):\S+$/.test(text);
  if (target || (hostAndPort !== null && Number(hostAndPort[2]) <= 65_535)) return text;
  throw new InvalidArgumentError(`It must be host:port, e.g. ${DEFAULT_ADDRESS}, or a gRPC target such as dns:///host:port.`);
}
