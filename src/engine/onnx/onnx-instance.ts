// One session of a model version on a worker, as the scheduler and warm-up see it.

import type { EngineRequest } from "../engine.ts";
import type { BatchOutcome, BatchPart, Device, Instance, OutputBlock } from "../scheduler/executor.ts";
import type { RowCutter } from "../../tensor/rows.ts";
import { createRowCutter, elementsPerRow } from "../../tensor/rows.ts";
import type { Signature } from "../../tensor/signature.ts";
import type { FillOptions } from "./fill-slot.ts";
import { fillSlot } from "./fill-slot.ts";
import { fillUp } from "./fill-up.ts";
import type { InputPlace } from "./protocol.ts";
import { reshape } from "./reshape.ts";
import type { Slot } from "./slot.ts";
import type { RunReply, WorkerLane } from "./worker-lane.ts";

/** What an instance is made of. */
export interface OnnxInstanceOptions extends FillOptions {
  readonly worker: WorkerLane;
  /** Key of the session in its worker. */
  readonly session: number;
  /** What limits its runs besides the worker; undefined for nothing. */
  readonly device: Device | undefined;
  /** Tokens of the device that a run takes. */
  readonly tokens: number;
  readonly signature: Signature;
  /** For each output of the signature, its place among the runtime's outputs. */
  readonly runtimeOutputs: readonly number[];
}

/** An Instance that can also run outside the scheduler, for warm-up. */
export interface OnnxInstance extends Instance {
  warm(parts: readonly BatchPart[], rows: number, outputs: readonly number[]): Promise<BatchOutcome>;
}

/** Makes an instance. */
export function createOnnxInstance(options: OnnxInstanceOptions): OnnxInstance {
  const { worker, session, device, tokens, signature, runtimeOutputs, reshapes } = options;
  const cut = createInputCutter();
  const toRuntime = (outputs: readonly number[]): number[] => outputs.map((output) => runtimeOutputs[output]!);
  const toOutcome = (reply: RunReply, outputs: readonly number[]): BatchOutcome => {
    const blocks: (OutputBlock | undefined)[] = [];
    for (let i = 0; i < outputs.length; i++) {
      const output = outputs[i]!;
      const { dims, bytes } = reply.outputs[i]!;
      const shape = reshape(dims, reshapes.outputs[output], reshapes.hasRows);
      blocks[output] = { dtype: signature.outputs[output]!.dtype, shape, bytes };
    }
    return { outputs: blocks, runMs: reply.runMs };
  };
  const filling = (given: readonly BatchPart[], rows: number) => {
    const parts = options.batched ? fillUp(given, rows) : given;
    return (slot: Slot): readonly InputPlace[] => fillSlot(slot, parts, parts.map(cut), rows, options);
  };
  return {
    lane: worker,
    device,
    tokens,
    run: async (parts, rows, outputs) => toOutcome(await worker.run(session, toRuntime(outputs), filling(parts, rows)), outputs),
    warm: async (parts, rows, outputs) => toOutcome(await worker.warm(session, toRuntime(outputs), filling(parts, rows)), outputs),
  };
}

/** Makes what gives the bytes of a part, one view per input. */
function createInputCutter(): (part: BatchPart) => readonly Uint8Array[] {
  // Finding the rows of texts means reading all of them, which must not happen anew for every part.
  const known = new WeakMap<EngineRequest, readonly RowCutter[]>();
  return ({ request, firstRow, rows }) => {
    if (rows === request.rows) return request.inputs.map(({ bytes }) => bytes);
    let cutters = known.get(request);
    if (cutters === undefined) {
      cutters = request.inputs.map(({ dtype, bytes, shape }) => createRowCutter(dtype, bytes, request.rows, elementsPerRow(shape)));
      known.set(request, cutters);
    }
    return cutters.map((cutter) => cutter.cut(firstRow, rows));
  };
}
