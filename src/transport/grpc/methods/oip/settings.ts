// GRPCInferenceService: settings that may be changed while the server runs.

import type { LogSettingsResponse_SettingValue as LogValue } from "../../../../../generated/inference/grpc_service.ts";
import { LogSettingsResponse, TraceSettingResponse } from "../../../../../generated/inference/grpc_service.ts";
import type { ServerApi } from "../../../../api/server-api.ts";
import { decodeLogSettingsRequest, decodeTraceSettingRequest } from "../../codec/setting-requests.ts";
import type { Methods } from "../../method.ts";
import { generatedUnary } from "../generated-unary.ts";
import type { SingleMessageOptions } from "../unary.ts";

/** Makes the methods. */
export function settingMethods(api: ServerApi, options: SingleMessageOptions): Methods {
  return {
    "/inference.GRPCInferenceService/TraceSetting": generatedUnary(
      options,
      { decode: decodeTraceSettingRequest },
      TraceSettingResponse,
      ({ settings, modelName }) => {
        const changed = Object.entries(api.traceSettings(modelName, settings));
        return { settings: Object.fromEntries(changed.map(([name, value]) => [name, { value: [...value] }])) };
      },
    ),
    "/inference.GRPCInferenceService/LogSettings": generatedUnary(
      options,
      { decode: decodeLogSettingsRequest },
      LogSettingsResponse,
      ({ settings }) => {
        const changed = Object.entries(api.logSettings(settings));
        return { settings: Object.fromEntries(changed.map(([name, value]) => [name, toLogValue(value)])) };
      },
    ),
  };
}

function toLogValue(value: boolean | number | string): LogValue {
  if (typeof value === "boolean") return { parameterChoice: { $case: "boolParam", value } };
  if (typeof value === "number") return { parameterChoice: { $case: "uint32Param", value } };
  return { parameterChoice: { $case: "stringParam", value } };
}
