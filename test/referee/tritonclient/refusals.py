"""What a caller sees of calls that fail."""

import numpy as np
import simple
from tritonclient.grpc import InferInput, InferRequestedOutput

ONES = np.ones((1, 16), dtype=np.int32)


def main() -> None:
    with simple.connected() as client:

        def infer(model: str = "simple", first: np.ndarray = ONES, second: np.ndarray = ONES, **options) -> dict:
            inputs = [simple.tensor("INPUT0", first), simple.tensor("INPUT1", second)]
            return simple.refusal(client.infer, model, inputs, **options)

        region = InferInput("INPUT0", [1, 16], "INT32")
        region.set_shared_memory("region", 64)
        result = {
            "unknownModel": infer("nobody"),
            "unknownVersion": infer(model_version="17"),
            "shape": infer(first=np.ones((1, 15), dtype=np.int32)),
            "rank": infer(first=np.ones(16, dtype=np.int32)),
            "rows": infer(first=np.ones((2, 16), dtype=np.int32)),
            "datatype": infer(first=ONES.astype(np.float32)),
            "missing": simple.refusal(client.infer, "simple", [simple.tensor("INPUT0", ONES)]),
            "surplus": simple.refusal(client.infer, "simple", [*simple.inputs(), simple.tensor("INPUT2", ONES)]),
            "twice": simple.refusal(client.infer, "simple", [simple.tensor("INPUT0", ONES)] * 2),
            "output": infer(outputs=[InferRequestedOutput("OUTPUT2")]),
            # So many rows take far longer.
            "clientTimeout": simple.refusal(client.infer, "simple", simple.inputs(rows=20_000), client_timeout=0.01),
            "metadata": simple.refusal(client.get_model_metadata, "nobody"),
            "config": simple.refusal(client.get_model_config, "nobody"),
            "statistics": simple.refusal(client.get_inference_statistics, "nobody"),
            "index": simple.refusal(client.get_model_repository_index),
            "load": simple.refusal(client.load_model, "simple"),
            "unload": simple.refusal(client.unload_model, "simple"),
            "region": simple.refusal(client.infer, "simple", [region, simple.tensor("INPUT1", ONES)]),
            "register": simple.refusal(client.register_system_shared_memory, "region", "/region", 64),
            "regions": client.get_system_shared_memory_status(as_json=True),
            "cudaRegions": client.get_cuda_shared_memory_status(as_json=True),
            "afterwards": simple.told(client.infer("simple", simple.inputs())),
        }
        simple.finish(result)


main()
