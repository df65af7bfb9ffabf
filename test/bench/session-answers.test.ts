// The session load reads ids and outcomes out of what the generated code writes.

import { expect, test } from "@jest/globals";

import { answerReaders } from "../../bench/clients/session-answers.ts";
import { ModelStreamInferResponse } from "../../generated/inference/grpc_service.ts";
import { PredictResponse, PredictSessionResponse } from "../../generated/predictd/v1/prediction.ts";
import type { SessionResult } from "../../generated/predictd/v1/prediction.ts";

const ID = "abc";

function sessionResult(outcome: NonNullable<SessionResult["outcome"]>): Buffer {
  return Buffer.from(PredictSessionResponse.encode({ message: { $case: "result", value: { id: ID, outcome } } }).finish());
}

function streamResponse(errorMessage: string, modelName: string): Buffer {
  const inferResponse = { modelName, modelVersion: "1", id: ID, rawOutputContents: [Buffer.alloc(300)] };
  return Buffer.from(ModelStreamInferResponse.encode(ModelStreamInferResponse.fromPartial({ errorMessage, inferResponse })).finish());
}

test.each([
  ["an answer", "predictd.v1", sessionResult({ $case: "response", value: PredictResponse.fromPartial({ model: "fraud" }) }), false],
  ["an error", "predictd.v1", sessionResult({ $case: "error", value: { code: 5, message: "no", details: [] } }), true],
  ["an answer", "inference", streamResponse("", "fraud"), false],
  ["an error", "inference", streamResponse("no such model", ""), true],
] as const)("%s of %s", (_what, service, message, isError) => {
  const answer = answerReaders[service](Buffer.concat([Buffer.alloc(7), message]), 7);

  expect(answer.isError).toBe(isError);
  expect(message.toString("latin1", answer.idAt - 7, answer.idAt - 7 + ID.length)).toBe(ID);
});

test.each(["predictd.v1", "inference"] as const)("another message of %s is noticed", (service) => {
  expect(() => answerReaders[service](Buffer.from("1a03616263", "hex"), 0)).toThrow("Not a");
});
