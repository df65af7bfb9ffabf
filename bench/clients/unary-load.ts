// Unary load in closed loop: each connection keeps a number of calls open.

import { openLane, requestTemplate } from "./grpc-lane.ts";
import type { Lane } from "./grpc-lane.ts";
import type { LoadResult, LoadSpec } from "./load-spec.ts";
import { startTally } from "./tally.ts";

/** One call; reused for the next one on the same lane. */
interface ClosedCall {
  readonly lane: () => Lane<ClosedCall>;
  startedMs: number;
}

/** Closed loop: each connection keeps `inFlight` calls open until the time is over. */
export async function runClosedLoop(spec: LoadSpec, path: string, request: Uint8Array): Promise<LoadResult> {
  const tally = startTally(spec);
  const template = requestTemplate(request);
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  let open = spec.connections;
  const lanes: Lane<ClosedCall>[] = [];
  for (let i = 0; i < spec.connections; i++) {
    const lane = await openLane<ClosedCall>({ host: "127.0.0.1", port: spec.port }, path, !template.small, {
      answer: (call, message) => tally.answer(performance.now(), call.startedMs, message),
      end(call, status) {
        const nowMs = performance.now();
        tally.finish(nowMs, call.startedMs, status);
        const own = call.lane();
        call.startedMs = nowMs;
        if (tally.running(nowMs) && own.accepting()) own.start(call, template);
        else if (own.inFlight() === 0 && --open === 0) resolve();
      },
      lost: (reason) => reject(new Error(`Connection lost: ${reason}`)),
    });
    lanes.push(lane);
  }
  for (const lane of lanes) {
    for (let i = 0; i < spec.inFlight; i++) lane.start({ lane: () => lane, startedMs: performance.now() }, template);
    lane.flush();
  }
  if (spec.polling === true) {
    const poll = (): void => {
      if (open > 0) setImmediate(poll);
    };
    poll();
  }
  await done;
  for (const lane of lanes) lane.close();
  return tally.result();
}
