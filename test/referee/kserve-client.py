"""Asks a running server what KServe's SDK client for gRPC can ask; prints what it got as JSON."""

import asyncio
import json
import logging
import sys

import grpc
import numpy as np
from kserve import InferenceGRPCClient, InferInput, InferRequest

# The client logs every refusal with its traceback.
logging.disable()


def request(binary_data: bool, rows: int = 2) -> InferRequest:
    inputs = []
    for name, values in [("INPUT0", np.arange(rows * 16)), ("INPUT1", np.ones(rows * 16))]:
        made = InferInput(name, [rows, 16], "INT32")
        made.set_data_from_numpy(values.astype(np.int32).reshape(rows, 16), binary_data=binary_data)
        inputs.append(made)
    return InferRequest(model_name="simple", request_id="from KServe", infer_inputs=inputs)


def told(response) -> dict:
    return {
        "model": response.model_name,
        "version": response.model_version,
        "id": response.id,
        "outputs": {output.name: output.as_numpy().flatten().tolist() for output in response.outputs},
    }


async def refusal(call) -> dict:
    try:
        await call
    except grpc.RpcError as error:
        return {"code": error.code().name, "message": error.details()}
    raise AssertionError("the call was not refused")


async def main(address: str) -> None:
    async with InferenceGRPCClient(url=address) as client:
        texts = InferInput("text", [2], "BYTES")
        texts.set_data_from_numpy(np.array(["You are an idiot", "Thank you"], dtype=np.object_))
        unknown = request(binary_data=True)
        unknown.model_name = "nobody"
        result = {
            "ready": await client.is_server_ready(),
            "live": await client.is_server_live(),
            "modelReady": await client.is_model_ready("simple"),
            "unknownReady": await client.is_model_ready("nobody"),
            "raw": told(await client.infer(request(binary_data=True))),
            "typed": told(await client.infer(request(binary_data=False))),
            "text": told(await client.infer(InferRequest(model_name="toxicity", infer_inputs=[texts]))),
            "refusal": await refusal(client.infer(unknown)),
        }
        json.dump(result, sys.stdout, default=bytes.decode)


asyncio.run(main(sys.argv[1]))
