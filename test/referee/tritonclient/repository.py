"""Loads, overrides and unloads models of a server with explicit model control and `simple` alone loaded. Argument 2: a model file."""

import json
import sys
from pathlib import Path

import simple
from tritonclient.grpc import InferenceServerClient


def index(client: InferenceServerClient) -> dict:
    return {f"{model.name}/{model.version}": model.state for model in client.get_model_repository_index().models}


def main() -> None:
    with simple.connected() as client:
        result = {
            "start": {
                "index": index(client),
                "ready": [client.is_model_ready("simple"), client.is_model_ready("fraud")],
                "refusal": simple.refusal(client.get_model_metadata, "fraud"),
                "server": client.get_server_metadata(as_json=True)["extensions"],
            }
        }

        client.load_model("fraud")
        result["loaded"] = {
            "index": index(client),
            "ready": client.is_model_ready("fraud"),
            "platform": client.get_model_metadata("fraud").platform,
        }

        client.load_model("simple", config=json.dumps({"name": "simple", "backend": "onnxruntime", "max_batch_size": 4}))
        result["override"] = {
            "maxBatchSize": client.get_model_config("simple").config.max_batch_size,
            "infer": simple.told(client.infer("simple", simple.inputs(rows=2))),
        }
        client.load_model("simple")
        result["reloaded"] = {"maxBatchSize": client.get_model_config("simple").config.max_batch_size}

        content = Path(sys.argv[2]).read_bytes()
        config = json.dumps({"name": "simple", "backend": "onnxruntime", "max_batch_size": 2})
        client.load_model("simple", config=config, files={"file:1/model.onnx": content})
        result["files"] = {
            "maxBatchSize": client.get_model_config("simple").config.max_batch_size,
            "infer": simple.told(client.infer("simple", simple.inputs())),
        }
        result["refusals"] = {
            "unknown": simple.refusal(client.load_model, "nobody"),
            "escape": simple.refusal(client.load_model, "simple", config=config, files={"file:../escaped.onnx": content}),
            "filesOnly": simple.refusal(client.load_model, "simple", files={"file:1/model.onnx": content}),
            "badConfig": simple.refusal(client.load_model, "simple", config="{"),
            "stillThere": simple.told(client.infer("simple", simple.inputs()))["version"],
        }

        client.unload_model("simple")
        client.unload_model("fraud", unload_dependents=True)
        result["unloaded"] = {
            "index": index(client),
            "ready": [client.is_model_ready("simple"), client.is_server_ready()],
            "refusal": simple.refusal(client.infer, "simple", simple.inputs()),
        }
        client.load_model("simple")
        result["back"] = simple.told(client.infer("simple", simple.inputs()))
        simple.finish(result)


main()
