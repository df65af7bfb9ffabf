// A bare grpc-js server with no tuning: the ceiling that predictd's unary calls are measured against.

import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { handleBidiStreamingCall, handleUnaryCall, MethodDefinition } from "@grpc/grpc-js";
import { GetModelResponse, ModelServiceService } from "../../generated/predictd/v1/model.ts";
import type { GetModelRequest } from "../../generated/predictd/v1/model.ts";
import { PredictSessionRequest, PredictSessionResponse } from "../../generated/predictd/v1/prediction.ts";

// Usage: node bench/servers/stock-echo.ts <port> <bytes of an answer>
const [port, answerBytes] = process.argv.slice(2).map(Number);
if (port === undefined || answerBytes === undefined) throw new Error("Usage: node bench/servers/stock-echo.ts <port> <answer bytes>");

const sameBytes = (bytes: Buffer): Buffer => bytes;
const rawMethod = {
  requestSerialize: sameBytes,
  requestDeserialize: sameBytes,
  responseSerialize: sameBytes,
  responseDeserialize: sameBytes,
};
const predict: MethodDefinition<Buffer, Buffer> = {
  path: "/predictd.v1.PredictionService/Predict",
  requestStream: false,
  responseStream: false,
  ...rawMethod,
};
const session: MethodDefinition<Buffer, PredictSessionResponse> = {
  path: "/predictd.v1.PredictionService/PredictSession",
  requestStream: true,
  responseStream: true,
  ...rawMethod,
  responseSerialize: (response) => Buffer.from(PredictSessionResponse.encode(response).finish()),
  responseDeserialize: (bytes) => PredictSessionResponse.decode(bytes),
};

const answer = Buffer.alloc(answerBytes, 0x20);
let okCount = 0n;

const answerUnary: handleUnaryCall<Buffer, Buffer> = (_call, callback) => {
  okCount++;
  callback(null, answer);
};

// The session answers with the same id, decoded and encoded by the generated code as a plain server would.
const answerSession: handleBidiStreamingCall<Buffer, PredictSessionResponse> = (call) => {
  call.on("data", (bytes: Buffer) => {
    const { message } = PredictSessionRequest.decode(bytes);
    if (message?.$case !== "predict") return;
    okCount++;
    const response = {
      model: "fraud",
      version: "1",
      requestId: "",
      outputs: message.value.request?.inputs ?? [],
      timings: undefined,
      batchRows: 1,
    };
    call.write({
      message: { $case: "result", value: { id: message.value.id, outcome: { $case: "response", value: response } } },
    });
  });
  call.on("end", () => call.end());
};

const getModel: handleUnaryCall<GetModelRequest, GetModelResponse> = (call, callback) => {
  const version = { version: "1", statistics: { okCount } };
  callback(null, GetModelResponse.fromPartial({ model: { name: call.request.name, defaultVersion: "1", versions: [version] } }));
};

const server = new Server();
server.addService({ predict, session }, { predict: answerUnary, session: answerSession });
server.addService({ getModel: ModelServiceService.getModel }, { getModel });
server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
});
process.once("SIGTERM", () => server.forceShutdown());
