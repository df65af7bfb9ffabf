"""Calls that are answered by callbacks, and the client for asyncio."""

import asyncio
import queue
import sys

import simple
from tritonclient.grpc import aio

CALLS = 50


def callbacks() -> dict:
    answers = queue.Queue()
    with simple.connected() as client:
        for i in range(CALLS):
            client.async_infer(
                "simple",
                simple.inputs(first=i),
                callback=lambda result, error: answers.put((result, error)),
                request_id=str(i),
                client_timeout=10.0,
            )
        client.async_infer("nobody", simple.inputs(), callback=lambda result, error: answers.put((result, error)))
        taken = [answers.get(timeout=20) for _ in range(CALLS + 1)]
        dropped = client.async_infer(
            "simple", simple.inputs(rows=20_000), callback=lambda result, error: answers.put((result, error))
        )
        dropped.cancel()
        _, cancelled = answers.get(timeout=20)
    results = [simple.told(result) for result, error in taken if error is None]
    return {
        "first": {result["id"]: result["outputs"][0]["values"][0] for result in results},
        "errors": [simple.refused(error) for _, error in taken if error is not None],
        "cancelled": simple.refused(cancelled)["status"],
    }


async def coroutines() -> dict:
    async with aio.InferenceServerClient(sys.argv[1]) as client:
        results = await asyncio.gather(
            *(client.infer("simple", simple.inputs(first=i), request_id=str(i)) for i in range(CALLS))
        )

        async def requests():
            for i in range(CALLS):
                model = "nobody" if i == 3 else "simple"
                yield {"model_name": model, "inputs": simple.inputs(first=i), "request_id": str(i)}

        streamed = []
        async for result, error in client.stream_infer(requests()):
            streamed.append(simple.refused(error) if result is None else result.get_response().id)
        return {
            "live": await client.is_server_live(),
            "ready": await client.is_server_ready(),
            "modelReady": await client.is_model_ready("simple"),
            "platform": (await client.get_model_metadata("simple")).platform,
            "infer": [[result.get_response().id, int(result.as_numpy("OUTPUT0")[0][0])] for result in results],
            "stream": streamed,
        }


simple.finish({"callbacks": callbacks(), "coroutines": asyncio.run(coroutines())})
