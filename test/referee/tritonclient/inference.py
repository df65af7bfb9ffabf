"""Every option of `infer`."""

import numpy as np
import simple
from tritonclient.grpc import InferRequestedOutput


def main() -> None:
    with simple.connected() as client:

        def infer(model: str = "simple", inputs: list | None = None, **options) -> dict:
            return simple.told(client.infer(model, inputs or simple.inputs(), **options))

        digit = [simple.tensor("image", np.zeros((2, 1, 8, 8), dtype=np.float32))]
        probabilities = simple.told(client.infer("digits", digit, outputs=[InferRequestedOutput("probabilities")]))
        result = {
            "version": infer(model_version="1"),
            "turned": infer(outputs=[InferRequestedOutput("OUTPUT1"), InferRequestedOutput("OUTPUT0")]),
            "one": infer(outputs=[InferRequestedOutput("OUTPUT1")]),
            "classes": infer(outputs=[InferRequestedOutput("OUTPUT0", class_count=3), InferRequestedOutput("OUTPUT1")]),
            "probabilities": probabilities,
            "labels": infer("digits", digit, outputs=[InferRequestedOutput("probabilities", class_count=2)]),
            "gzip": infer(inputs=simple.inputs(rows=8), compression_algorithm="gzip"),
            "deflate": infer(inputs=simple.inputs(rows=8), compression_algorithm="deflate"),
            "priority": infer(priority=1),
            "timeout": infer(timeout=5_000_000),
            "sequence": infer(sequence_id=7, sequence_start=True, sequence_end=True),
            "namedSequence": infer(sequence_id="seven", sequence_start=True, sequence_end=True),
            "parameters": infer(parameters={"text": "ö", "flag": True, "count": -1, "ratio": 0.5}),
            "headers": infer(headers={"x-trace": "abc"}, client_timeout=10.0),
            "large": infer(inputs=simple.inputs(rows=20)),
        }
        simple.finish(result)


main()
