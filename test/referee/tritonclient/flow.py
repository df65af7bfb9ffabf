"""Asks what the examples of Triton's Python client ask, in their order."""

import simple


def main() -> None:
    with simple.connected() as client:
        result = {
            "serverLive": client.is_server_live(),
            "serverReady": client.is_server_ready(),
            "modelReady": client.is_model_ready("simple"),
            "versionReady": client.is_model_ready("simple", "1"),
            "unknownReady": [client.is_model_ready("nobody"), client.is_model_ready("simple", "17")],
            "server": client.get_server_metadata(as_json=True),
            "model": client.get_model_metadata("simple", as_json=True),
            "config": client.get_model_config("simple", as_json=True)["config"],
        }

        def statistics() -> dict:
            return client.get_inference_statistics("simple", as_json=True)["model_stats"][0]

        result["before"] = statistics()
        result["infer"] = simple.told(client.infer("simple", simple.inputs(rows=3), request_id="first"))
        result["after"] = statistics()
        result["allStatistics"] = [stats.name for stats in client.get_inference_statistics().model_stats]
        simple.finish(result)


main()
