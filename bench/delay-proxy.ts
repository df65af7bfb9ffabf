// A TCP proxy that delays both directions without limiting their rate: a network with a round trip.

import { connect, createServer } from "node:net";
import type { Socket } from "node:net";

// Usage: node bench/delay-proxy.ts <port> <target port> <delay of each direction in ms>
const [port, targetPort, delayMs] = process.argv.slice(2).map(Number);
if (port === undefined || targetPort === undefined || delayMs === undefined) {
  throw new Error("Usage: node bench/delay-proxy.ts <port> <target port> <delay in ms>");
}

interface Parcel {
  readonly dueMs: number;
  readonly bytes: Buffer;
}

// One timer per direction: what arrives while it is set waits behind in order.
function delayed(from: Socket, to: Socket, ms: number): void {
  const parcels: Parcel[] = [];
  let timer: NodeJS.Timeout | undefined;
  const deliver = (): void => {
    timer = undefined;
    to.cork();
    let sent = 0;
    const nowMs = performance.now();
    while (sent < parcels.length && parcels[sent]!.dueMs <= nowMs) to.write(parcels[sent++]!.bytes);
    parcels.splice(0, sent);
    to.uncork();
    schedule();
  };
  const schedule = (): void => {
    const [next] = parcels;
    if (timer === undefined && next !== undefined) timer = setTimeout(deliver, Math.max(0, next.dueMs - performance.now()));
  };
  from.on("data", (bytes: Buffer) => {
    parcels.push({ dueMs: performance.now() + ms, bytes });
    schedule();
  });
  from.on("close", () => setTimeout(() => to.destroy(), ms));
  from.on("error", () => to.destroy());
}

const server = createServer({ noDelay: true }, (near) => {
  const far = connect({ port: targetPort, host: "127.0.0.1", noDelay: true });
  delayed(near, far, delayMs);
  delayed(far, near, delayMs);
});
server.listen(port, "127.0.0.1");
process.once("SIGTERM", () => process.kill(process.pid, "SIGKILL"));
