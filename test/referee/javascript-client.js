// A JavaScript client made from the .proto files alone, with typed contents in: asks what the examples of such clients ask, in their order,
// and prints what it got as JSON. Arguments: the address and the folder of the .proto files.
import { promisify } from "node:util";
import { credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const [address, protoFolder] = process.argv.slice(2);
const options = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true, includeDirs: [protoFolder] };
const { inference } = loadPackageDefinition(loadSync("inference/grpc_service.proto", options));
const client = new inference.GRPCInferenceService(address, credentials.createInsecure());

/** Calls a method with a deadline of 10 s. */
function ask(method, request) {
  return promisify(client[method].bind(client))(request, { deadline: Date.now() + 10_000 });
}

function input(name, values) {
  return { name, datatype: "INT32", shape: [1, 16], contents: { int_contents: values } };
}

function inferRequest() {
  return {
    model_name: "simple",
    id: "from JavaScript",
    inputs: [
      input(
        "INPUT0",
        Array.from({ length: 16 }, (_, i) => i),
      ),
      input("INPUT1", Array(16).fill(1)),
    ],
    outputs: [{ name: "OUTPUT0" }, { name: "OUTPUT1" }],
  };
}

function int32Values(raw) {
  return Array.from({ length: raw.length / 4 }, (_, i) => raw.readInt32LE(i * 4));
}

/** Sends this many requests ahead of their answers; gives the ids of the answers. */
function stream(count) {
  return new Promise((resolve, reject) => {
    const ids = [];
    const call = client.ModelStreamInfer({ deadline: Date.now() + 10_000 });
    call.on("data", ({ error_message, infer_response }) => ids.push(error_message || infer_response.id));
    call.on("error", reject);
    call.on("end", () => resolve(ids));
    for (let i = 0; i < count; i++) call.write({ ...inferRequest(), id: String(i) });
    call.end();
  });
}

const live = await ask("ServerLive", {});
const ready = await ask("ServerReady", {});
const metadata = await ask("ModelMetadata", { name: "simple" });
const response = await ask("ModelInfer", inferRequest());
const ids = await stream(20);
const refusal = await ask("ModelInfer", { ...inferRequest(), model_name: "nobody" }).catch(({ code, details }) => ({ code, details }));
client.close();

const outputs = response.outputs.map(({ name }, i) => [name, int32Values(response.raw_output_contents[i])]);
const { id, model_name, model_version } = response;
const result = { live, ready, metadata, infer: { id, model_name, model_version, outputs: Object.fromEntries(outputs) }, ids, refusal };
process.stdout.write(JSON.stringify(result));
