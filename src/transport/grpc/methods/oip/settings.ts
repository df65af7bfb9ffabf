// GRPCInferenceService: settings that may be changed while the server runs.

import type { LogSettingsResponse_SettingValue as LogValue } from "../../../../../generated/inference/grpc_service.ts";
import {
  LogSettingsRequest,
  LogSettingsResponse,
  TraceSettingRequest,
  TraceSettingResponse,
} from "../../../../../generated/inference/grpc_service.ts";
import type { ServerApi } from "../../../../api/server-api.ts";
import type { Methods } from "../../method.ts";
import { generatedUnary } from "../generated-unary.ts";
import type { SingleMessageOptions } from "../unary.ts";

/** Makes the methods. */
export function settingMethods(api: ServerApi, options: SingleMessageOptions): Methods {
  return {
    "/inference.GRPCInferenceService/TraceSetting": generatedUnary(
      options,
      TraceSettingRequest,
      TraceSettingResponse,
      ({ settings, modelName }) => {
        const changes = Object.entries(settings).map(([name, { value }]) => [name, value] as const);
        const changed = Object.entries(api.traceSettings(modelName, changes));
        return { settings: Object.fromEntries(changed.map(([name, value]) => [name, { value: [...value] }])) };
      },
    ),
    "/inference.GRPCInferenceService/LogSettings": generatedUnary(options, LogSettingsRequest, LogSettingsResponse, ({ settings }) => {
      const changes = Object.entries(settings).map(([name, { parameterChoice }]) => [name, parameterChoice?.value] as const);
      const changed = Object.entries(api.logSettings(changes));
      return { settings: Object.fromEntries(changed.map(([name, value]) => [name, toLogValue(value)])) };
    }),
  };
}

function toLogValue(value: boolean | number | string): LogValue {
  if (typeof value === "boolean") return { parameterChoice: { $case: "boolParam", value } };
  if (typeof value === "number") return { parameterChoice: { $case: "uint32Param", value } };
  return { parameterChoice: { $case: "stringParam", value } };
}
