// The messages between a lane and whoever owns its sessions.

import type { Provider } from "../../config/config.ts";
import type { GraphOptimization } from "../backend.ts";
import type { Dim } from "../../tensor/signature.ts";
import type { DType } from "../../tensor/dtype.ts";

/** How a session is to be made. */
export interface SessionSpec {
  /** Model file. */
  readonly path: string;
  readonly provider: Provider;
  /** Number of the provider's device; undefined where it has no numbered ones. */
  readonly deviceId: number | undefined;
  readonly intraOpThreads: number;
  /** 0: as many as the runtime likes. Only used with parallel execution. */
  readonly interOpThreads: number;
  /** Whether nodes that do not depend on each other may run side by side. */
  readonly parallelExecution: boolean;
  readonly graphOptimization: GraphOptimization;
}

/** One input or output as the runtime reports it. */
export interface PortInfo {
  readonly name: string;
  /** Undefined when it is not a tensor or of a type we cannot carry. */
  readonly dtype: DType | undefined;
  /** The runtime's word for the type, for error messages. */
  readonly typeName: string;
  readonly dims: readonly Dim[];
}

/** What the runtime reports about a model. */
export interface SessionInfo {
  readonly inputs: readonly PortInfo[];
  readonly outputs: readonly PortInfo[];
}

/** Where one input of a batch lies in a slot. */
export interface InputPlace {
  /** Byte offset in the slot, a multiple of 64. */
  readonly offset: number;
  readonly byteLength: number;
  readonly dims: readonly number[];
}

/** One output of a run. */
export interface OutputPlace {
  readonly dims: readonly number[];
  readonly bytes: Uint8Array;
}

/** Requests to a worker. */
export type WorkerRequest =
  | { readonly type: "create"; readonly id: number; readonly session: number; readonly spec: SessionSpec }
  | { readonly type: "release"; readonly id: number; readonly session: number }
  | { readonly type: "slot"; readonly slot: number; readonly buffer: SharedArrayBuffer }
  | {
      readonly type: "run";
      readonly id: number;
      readonly session: number;
      readonly slot: number;
      readonly inputs: readonly InputPlace[];
      readonly outputs: readonly number[];
    }
  | { readonly type: "exit" };

/** Answers of a worker. */
export type WorkerReply =
  | { readonly id: number; readonly type: "created"; readonly info: SessionInfo }
  | { readonly id: number; readonly type: "released" }
  | { readonly id: number; readonly type: "ran"; readonly outputs: readonly OutputPlace[]; readonly runMs: number }
  | { readonly id: number; readonly type: "failed"; readonly message: string };
