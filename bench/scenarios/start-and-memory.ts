// How fast the server starts, and what memory it keeps.

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { oneCoreFlags } from "../lib/bench.ts";
import type { Bench, Figure, Scenario } from "../lib/bench.ts";
import { waitServing } from "../lib/control.ts";
import { median, readable, spread } from "../lib/numbers.ts";
import { freePort, startProcess } from "../lib/processes.ts";
import { encodeRequest, fraudRequest } from "../lib/requests.ts";

const maxStartMs = 2000;
const maxGrowth = 1.1;
const sampleMs = 1000;
const soakSeconds = 300;
const defaultSoakSeconds = 30;
const quickSoakSeconds = 8;

/** From `npm start` to SERVING. */
export const coldStart: Scenario = {
  name: "cold-start",
  about: "From the start of the process `npm start` to the first health answer SERVING with the bundled models.",
  async run(bench) {
    const starts: number[] = [];
    for (let round = 0; round < bench.rounds; round++) {
      const port = await freePort();
      const logFile = join(bench.tempDir, `cold-start-${round}`);
      const beganMs = performance.now();
      const command = ["npm", "start", "--", "--grpc-port", String(port), "--host", "127.0.0.1"];
      const server = startProcess(command, { port, core: undefined, logFile, cwd: bench.repoDir, group: true });
      try {
        await waitServing(server);
        starts.push(performance.now() - beganMs);
      } finally {
        await server.stop();
      }
    }
    return [{ name: "npm start to SERVING", value: median(starts), unit: "ms", target: { atMost: maxStartMs }, note: spread(starts) }];
  },
};

async function soakRun(bench: Bench): Promise<readonly Figure[]> {
  const seconds = bench.quick ? quickSoakSeconds : bench.chosen ? soakSeconds : defaultSoakSeconds;
  const server = await bench.startPredictd("models", { core: bench.cores.server, flags: oneCoreFlags });
  await sleep(sampleMs);
  const idle = server.rssMb();
  const samples: number[] = [];
  const sampler = setInterval(() => samples.push(server.rssMb()), sampleMs);
  const spec = { kind: "closed", port: server.port, connections: 4, inFlight: 50, warmupSeconds: 0, seconds } as const;
  const { okTotal, failures } = await bench.load(spec, encodeRequest(fraudRequest())).finally(() => clearInterval(sampler));
  // The heap needs a moment to reach its working size; growth counts from the second quarter on.
  const quarter = Math.floor(samples.length / 4);
  const early = median(samples.slice(quarter, 2 * quarter));
  const late = median(samples.slice(3 * quarter));
  const failed = Object.values(failures).reduce((a, b) => a + b, 0);
  return [
    { name: "RSS idle, bundled models loaded", value: idle, unit: "MB" },
    {
      name: "RSS under load, highest",
      value: Math.max(...samples),
      unit: "MB",
      note: `${seconds} s, ${readable(okTotal)} calls, ${failed} failed`,
    },
    {
      name: "RSS, last quarter / second quarter",
      value: late / early,
      unit: "x",
      // A short run is still on its way to the heap's working size.
      ...(seconds === soakSeconds ? { target: { atMost: maxGrowth } } : {}),
      note: `${readable(early)} to ${readable(late)} MB over ${seconds} s`,
    },
  ];
}

/** Memory over a run. */
export const soak: Scenario = {
  name: "soak",
  about: "Resident memory while `fraud` is saturated: 30 s in a whole run, five minutes when asked for by name.",
  run: soakRun,
};
