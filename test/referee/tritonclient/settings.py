"""Reads and changes the settings for traces and logs, and puts them back."""

import simple


def main() -> None:
    with simple.connected() as client:

        def trace(**options) -> dict:
            return values(client.get_trace_settings(as_json=True, **options))

        def set_trace(settings: dict, **options) -> dict:
            return values(client.update_trace_settings(settings=settings, as_json=True, **options))

        result = {
            "trace": {
                "start": trace(),
                "global": set_trace({"trace_rate": "500", "trace_level": ["TIMESTAMPS"]}),
                "model": set_trace({"trace_rate": "50"}, model_name="simple"),
                "modelRead": trace(model_name="simple"),
                "globalRead": trace(),
                "modelCleared": set_trace({"trace_rate": None}, model_name="simple"),
                "globalCleared": set_trace({"trace_rate": None, "trace_level": ["OFF"]}),
                "file": simple.refusal(client.update_trace_settings, settings={"trace_file": "trace.json"}),
                "level": simple.refusal(client.update_trace_settings, settings={"trace_level": ["LOUD"]}),
                "unknownKey": simple.refusal(client.update_trace_settings, settings={"trace_colour": "red"}),
                "unknownModel": simple.refusal(client.get_trace_settings, model_name="nobody"),
            }
        }

        def log(settings: dict | None = None) -> dict:
            answer = client.get_log_settings() if settings is None else client.update_log_settings(settings)
            return {key: getattr(value, value.WhichOneof("parameter_choice")) for key, value in answer.settings.items()}

        start = log()
        result["log"] = {
            "start": start,
            "changed": log({"log_verbose_level": 2, "log_info": False, "log_format": "ISO8601"}),
            "read": log(),
            "back": log({key: value for key, value in start.items() if key != "log_file"}),
            "file": simple.refusal(client.update_log_settings, {"log_file": "log.txt"}),
            "unknownKey": simple.refusal(client.update_log_settings, {"log_colour": True}),
        }
        simple.finish(result)


def values(answer: dict) -> dict:
    return {key: setting.get("value", []) for key, setting in answer["settings"].items()}


main()
