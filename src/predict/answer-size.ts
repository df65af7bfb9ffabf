// Keeps answers within what one message may carry.

import { ServiceError } from "../errors.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Counts elements only: a model that gives as much as it takes must be able to answer the largest request, whatever stands around the
 * elements in its answer.
 * @throws ServiceError MESSAGE_TOO_LARGE.
 */
export function assertAnswerFits(outputs: readonly Tensor[], maxMessageBytes: number): void {
  let bytes = 0;
  for (const output of outputs) bytes += output.bytes.byteLength;
  if (bytes <= maxMessageBytes) return;
  const text = `The answer has ${bytes} bytes; ${maxMessageBytes} are allowed (setting maxMessageBytes).`;
  throw new ServiceError("MESSAGE_TOO_LARGE", text, {
    metadata: { stage: "postprocess", maxMessageBytes: String(maxMessageBytes) },
    quota: { subject: "maxMessageBytes", description: `One message may have ${maxMessageBytes} bytes.` },
  });
}
