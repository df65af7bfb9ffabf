// A request of many rows as a row of smaller requests.

import { createRowCutter, elementsPerRow } from "../tensor/rows.ts";
import type { PredictRequest } from "./request.ts";
import type { Route } from "./servable.ts";

/** A checked request that can be answered in chunks of rows. */
export interface Chunks {
  /** Rows of the whole request; 1 when the model does not take rows. */
  readonly rows: number;
  /** Rows of every chunk but perhaps the last. */
  readonly chunkRows: number;
  /** The request for the rows from `first`; pinned to the version that the whole request was checked against. */
  chunk(first: number): PredictRequest;
}

/**
 * Checks the whole request and cuts it.
 * @param wantedRows rows per chunk that the caller wants; 0 or more than a batch: as many as a batch takes.
 * @throws ServiceError of routing and validation.
 */
export function createChunks(route: Route, request: PredictRequest, wantedRows: number): Chunks {
  const { version, validate, maxBatchSize } = route(request.model, request.version);
  const { inputs, rows } = validate(request);
  if (maxBatchSize === 0) return { rows: 1, chunkRows: 1, chunk: () => ({ ...request, version }) };
  const chunkRows = wantedRows === 0 ? maxBatchSize : Math.min(wantedRows, maxBatchSize);
  const cutters = inputs.map(({ dtype, bytes, shape }) => createRowCutter(dtype, bytes, rows, elementsPerRow(shape)));
  return {
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
      return { ...request, version, inputs: cut };
    },
  };
}
