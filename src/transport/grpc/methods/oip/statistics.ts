// GRPCInferenceService/ModelStatistics: what has been counted, in Triton's terms.

import type { InferBatchStatistics, ModelStatistics, StatisticDuration } from "../../../../../generated/inference/grpc_service.ts";
import { ModelStatisticsRequest, ModelStatisticsResponse } from "../../../../../generated/inference/grpc_service.ts";
import type { ModelsApi } from "../../../../api/models-api.ts";
import type { ModelView, StatisticsView, VersionView } from "../../../../registry/view.ts";
import type { Methods } from "../../method.ts";
import { generatedUnary } from "../generated-unary.ts";
import type { SingleMessageOptions } from "../unary.ts";

/** Makes the method. */
export function statisticsMethods(api: ModelsApi, options: SingleMessageOptions): Methods {
  return {
    "/inference.GRPCInferenceService/ModelStatistics": generatedUnary(
      options,
      ModelStatisticsRequest,
      ModelStatisticsResponse,
      ({ name, version }) => ({
        modelStats: name === "" ? statisticsOf(api.list(), isReady) : statisticsOf([api.get(name, version)], isAny),
      }),
    ),
  };
}

const isAny = (): boolean => true;
const isReady = ({ state }: VersionView): boolean => state === "ready";

/** Lowest version first, as in the other answers of this service. */
function statisticsOf(models: readonly ModelView[], wanted: (version: VersionView) => boolean): ModelStatistics[] {
  return models.flatMap(({ name, versions }) =>
    versions
      .filter(wanted)
      .toReversed()
      .map(({ version, statistics }) => toStatistics(name, version, statistics)),
  );
}

/** Turns one version's counts into the message. Durations are rounded down, so that they never fall. */
export function toStatistics(name: string, version: string, statistics: StatisticsView): ModelStatistics {
  const { okCount, failCount, rowCount, batchCount, lastRequestAt, batches } = statistics;
  const { totalMs, failMs, queueMs, batchMs, runMs, postprocessMs } = statistics;
  const stages = [queueMs, batchMs, runMs, postprocessMs].map((ms) => duration(okCount, ms));
  const [queue, computeInput, computeInfer, computeOutput] = stages;
  // Stages are measured one by one, so that together they may be longer than the whole by what a clock cannot tell.
  const success = duration(okCount, totalMs);
  const stagesNs = stages.reduce((sum, { ns }) => sum + ns, 0n);
  return {
    name,
    version,
    lastInference: BigInt(Math.floor(lastRequestAt)),
    inferenceCount: BigInt(rowCount),
    executionCount: BigInt(batchCount),
    inferenceStats: {
      success: success.ns < stagesNs ? { ...success, ns: stagesNs } : success,
      fail: duration(failCount, failMs),
      queue,
      computeInput,
      computeInfer,
      computeOutput,
      cacheHit: duration(0, 0),
      cacheMiss: duration(0, 0),
    },
    batchStats: batches.map(toBatchStatistics),
    memoryUsage: [],
    responseStats: {},
  };
}

function toBatchStatistics({ rows, count, batchMs, runMs, postprocessMs }: StatisticsView["batches"][number]): InferBatchStatistics {
  return {
    batchSize: BigInt(rows),
    computeInput: duration(count, batchMs),
    computeInfer: duration(count, runMs),
    computeOutput: duration(count, postprocessMs),
  };
}

function duration(count: number, ms: number): StatisticDuration {
  return { count: BigInt(count), ns: BigInt(Math.floor(ms * 1e6)) };
}
