// The way of one prediction: route → validate → admit → queue → batch → run → postprocess.

import type { Call } from "../call.ts";
import type { PredictRequest, PredictResponse } from "./request.ts";
import type { Route } from "./servable.ts";

/** Answers one prediction. Rejects with a ServiceError; anything else is a bug. */
export type Predict = (request: PredictRequest, call: Call) => Promise<PredictResponse>;

/** Makes the pipeline over the versions that `route` knows. */
export function createPredict(route: Route): Predict {
  return async (request, call) => {
    const started = performance.now();
    call.stage = "route";
    const servable = route(request.model, request.version);
    const { engine, instruments } = servable;
    try {
      const routed = performance.now();
      call.stage = "validate";
      const valid = servable.validate(request);
      const validated = performance.now();
      call.assertAlive(validated);
      const result = await engine.submit(valid, call);
      const ended = performance.now();
      instruments.okCount++;
      instruments.rowCount += valid.rows;
      instruments.queueMs.record(result.queueMs);
      instruments.runMs.record(result.runMs);
      instruments.totalMs.record(ended - started);
      instruments.batchRows.record(result.batchRows);
      const inEngine = result.queueMs + result.batchMs + result.runMs;
      return {
        model: servable.model,
        version: servable.version,
        requestId: request.requestId,
        outputs: result.outputs,
        batchRows: result.batchRows,
        timings: {
          routeUs: toUs(routed - started),
          validateUs: toUs(validated - routed),
          admitUs: toUs(Math.max(0, result.runEndedAt - validated - inEngine)),
          queueUs: toUs(result.queueMs),
          batchUs: toUs(result.batchMs),
          runUs: toUs(result.runMs),
          postprocessUs: toUs(ended - result.runEndedAt),
          totalUs: toUs(ended - started),
        },
      };
    } catch (error) {
      instruments.errorCount++;
      throw error;
    }
  };
}

function toUs(ms: number): number {
  return Math.round(ms * 1000);
}
