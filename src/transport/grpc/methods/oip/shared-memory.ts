// GRPCInferenceService: shared memory. There is none: nothing is registered, and nothing can be.

import {
  CudaSharedMemoryRegisterRequest,
  CudaSharedMemoryRegisterResponse,
  CudaSharedMemoryStatusRequest,
  CudaSharedMemoryStatusResponse,
  CudaSharedMemoryUnregisterRequest,
  CudaSharedMemoryUnregisterResponse,
  SystemSharedMemoryRegisterRequest,
  SystemSharedMemoryRegisterResponse,
  SystemSharedMemoryStatusRequest,
  SystemSharedMemoryStatusResponse,
  SystemSharedMemoryUnregisterRequest,
  SystemSharedMemoryUnregisterResponse,
} from "../../../../../generated/inference/grpc_service.ts";
import { ServiceError } from "../../../../errors.ts";
import type { Methods } from "../../method.ts";
import { generatedUnary } from "../generated-unary.ts";
import type { SingleMessageOptions } from "../unary.ts";

/** Makes the methods. */
export function sharedMemoryMethods(options: SingleMessageOptions): Methods {
  return {
    "/inference.GRPCInferenceService/SystemSharedMemoryStatus": generatedUnary(
      options,
      SystemSharedMemoryStatusRequest,
      SystemSharedMemoryStatusResponse,
      noRegions,
    ),
    "/inference.GRPCInferenceService/SystemSharedMemoryRegister": generatedUnary(
      options,
      SystemSharedMemoryRegisterRequest,
      SystemSharedMemoryRegisterResponse,
      refuse,
    ),
    "/inference.GRPCInferenceService/SystemSharedMemoryUnregister": generatedUnary(
      options,
      SystemSharedMemoryUnregisterRequest,
      SystemSharedMemoryUnregisterResponse,
      refuse,
    ),
    "/inference.GRPCInferenceService/CudaSharedMemoryStatus": generatedUnary(
      options,
      CudaSharedMemoryStatusRequest,
      CudaSharedMemoryStatusResponse,
      noRegions,
    ),
    "/inference.GRPCInferenceService/CudaSharedMemoryRegister": generatedUnary(
      options,
      CudaSharedMemoryRegisterRequest,
      CudaSharedMemoryRegisterResponse,
      refuse,
    ),
    "/inference.GRPCInferenceService/CudaSharedMemoryUnregister": generatedUnary(
      options,
      CudaSharedMemoryUnregisterRequest,
      CudaSharedMemoryUnregisterResponse,
      refuse,
    ),
  };
}

function noRegions(): { regions: Record<string, never> } {
  return { regions: {} };
}

function refuse(): never {
  throw new ServiceError("METHOD_OFF", "shared memory is not supported");
}
