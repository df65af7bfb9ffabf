// A request of many rows as a row of smaller requests.

import { createRowCutter, elementsPerRow } from "../tensor/rows.ts";
import type { PredictRequest } from "./request.ts";
import type { Route, Servable } from "./servable.ts";

/** A checked request that can be answered in chunks of rows. */
export interface Chunks {
  /** The version that the whole request was checked against and that answers every chunk; held until `release`. */
  readonly servable: Servable;
  /** Rows of the whole request; 1 when the model does not take rows. */
  readonly rows: number;
  /** Rows of every chunk but perhaps the last. */
  readonly chunkRows: number;
  /** The request for the rows from `first`. */
  chunk(first: number): PredictRequest;
  /** Lets the version go. Must be called once. */
  release(): void;
}

/**
 * Checks the whole request and cuts it.
 * @param wantedRows rows per chunk that the caller wants; 0 or more than a batch: as many as a batch takes.
 * @throws ServiceError of routing and validation.
 */
export function createChunks(route: Route, request: PredictRequest, wantedRows: number): Chunks {
  const servable = route(request.model, request.version);
  const { validate, maxBatchSize, splitsRequests, signature, leases } = servable;
  // Where the protocol's clients expect a refusal of what is too large for a run, chunks may still be cut.
  const isCut = maxBatchSize > 0 && (splitsRequests || signature.rowsStandAlone === true);
  const { inputs, rows } = validate(request, isCut);
  leases.take();
  const held = { servable, release: () => leases.give() };
  if (!isCut) return { ...held, rows, chunkRows: rows, chunk: () => request };
  const chunkRows = wantedRows === 0 ? maxBatchSize : Math.min(wantedRows, maxBatchSize);
  const cutters = inputs.map(({ dtype, bytes, shape }) => createRowCutter(dtype, bytes, rows, elementsPerRow(shape)));
  return {
    ...held,
    rows,
    chunkRows,
    chunk(first) {
      const count = Math.min(chunkRows, rows - first);
      const cut = inputs.map(({ name, dtype, shape }, index) => ({
        name,
        dtype,
        shape: [count, ...shape.slice(1)],
        bytes: cutters[index]!.cut(first, count),
        problem: undefined,
      }));
      return { ...request, inputs: cut };
    },
  };
}
