"""Makes the calls of Triton's model_analyzer in its order: a variant of `simple` is loaded, measured and unloaded. Arguments after the
address: the command that measures."""

import json
import subprocess
import sys

import simple


def main() -> None:
    with simple.connected() as client:
        ready = client.is_server_ready()
        client.load_model("simple")
        # What the server says of a model must be what it takes, 64 bit numbers as strings included.
        config = client.get_model_config("simple", as_json=True)["config"]
        client.unload_model("simple")
        variant = {
            **config,
            "max_batch_size": 4,
            "instance_group": [{"count": 2, "kind": "KIND_CPU"}],
            "dynamic_batching": {"max_queue_delay_microseconds": "100"},
        }
        client.load_model("simple", config=json.dumps(variant))
        result = {
            "serverReady": ready,
            "modelReady": client.is_model_ready("simple"),
            "config": client.get_model_config("simple", as_json=True)["config"],
        }
        measured = subprocess.run(sys.argv[2:], capture_output=True, text=True, timeout=50, check=False)
        result["measured"] = {"code": measured.returncode, "stdout": measured.stdout, "stderr": measured.stderr}
        client.unload_model("simple")
        result["unloaded"] = not client.is_model_ready("simple")
        simple.finish(result)


main()
