// Small calls that several referee tests make with the generated clients.
import { credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { ModelServiceClient, type ModelStatistics } from "../../../generated/predictd/v1/model.ts";
import { PredictionServiceClient, type PredictRequest, type PredictResponse } from "../../../generated/predictd/v1/prediction.ts";
import { DataType, type Tensor } from "../../../generated/predictd/v1/tensor.ts";

/** What a caller sees of a call that failed. */
export interface Refusal {
  readonly code: number;
  readonly message: string;
  /** `google.rpc.Status` bytes, in base64; "" without. */
  readonly details: string;
}

/** An input of the model `simple`: one row of 16 integers. */
export function simpleInput(name: string, values: readonly number[]): Tensor {
  const raw = Buffer.from(new Int32Array(values).buffer);
  return { name, dataType: DataType.DATA_TYPE_INT32, shape: [1n, BigInt(values.length)], raw, strings: [] };
}

/** A request to the model `simple` for 0…15 plus and minus ones. */
export function simpleRequest(): PredictRequest {
  const inputs = [
    simpleInput(
      "INPUT0",
      Array.from({ length: 16 }, (_, i) => i),
    ),
    simpleInput("INPUT1", Array<number>(16).fill(1)),
  ];
  return { model: "simple", version: "", requestId: "", inputs, outputs: [] };
}

/** The numbers of an INT32 output. */
export function int32Values(response: PredictResponse, output: string): number[] {
  const { raw } = response.outputs.find(({ name }) => name === output)!;
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  return Array.from({ length: raw.byteLength / 4 }, (_, i) => view.getInt32(i * 4, true));
}

/** One unary prediction on a connection of its own, with a deadline of 10 s: the response, or how it was refused. */
export async function predict(address: string, request: PredictRequest): Promise<PredictResponse | Refusal> {
  const client = new PredictionServiceClient(address, credentials.createInsecure(), { "grpc.enable_retries": 0 });
  try {
    return await new Promise((resolve) => {
      const options = { deadline: Date.now() + 10_000 };
      client.predict(request, new Metadata(), options, (error, response) => resolve(error === null ? response : toRefusal(error)));
    });
  } finally {
    client.close();
  }
}

/** The server's own counts for one version of a model. */
export async function statistics(address: string, name: string, version: string): Promise<ModelStatistics> {
  const client = new ModelServiceClient(address, credentials.createInsecure());
  try {
    return await new Promise((resolve, reject) => {
      client.getModel({ name, version }, (error, response) => {
        const found = response?.model?.versions[0]?.statistics;
        if (found === undefined) reject(error ?? new Error(`no statistics of ${name} ${version}`));
        else resolve(found);
      });
    });
  } finally {
    client.close();
  }
}

function toRefusal(error: ServiceError): Refusal {
  const details = error.metadata.get("grpc-status-details-bin")[0];
  return { code: error.code, message: error.details, details: details === undefined ? "" : Buffer.from(details).toString("base64") };
}
