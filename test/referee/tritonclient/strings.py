"""BYTES in and out, by the model `toxicity`."""

import numpy as np
import simple
from tritonclient.grpc import InferRequestedOutput


def main() -> None:
    with simple.connected() as client:

        def infer(texts: list, **options) -> dict:
            values = np.array(texts, dtype=np.object_)
            return simple.told(client.infer("toxicity", [simple.tensor("text", values)], **options))

        result = {
            "model": client.get_model_metadata("toxicity", as_json=True),
            # The metadata has a dimension of 1 behind that of the batch, and so do requests, or not.
            "column": infer([["You are an idiot"], ["Thank you"], ["good morning".encode()]]),
            "three": infer(["You are an idiot", "Thank you", "good morning".encode()]),
            "odd": infer([[""], ["Grüße, 你好"], ["long " * 5_000]]),
            "one": infer([["You are an idiot"]], outputs=[InferRequestedOutput("label")], compression_algorithm="gzip"),
        }
        simple.finish(result)


main()
