"""Inferences over one stream."""

import queue

import simple

REQUESTS = 200


class Answers:
    """What the callbacks of streams were given, in order."""

    def __init__(self) -> None:
        self._queue = queue.Queue()

    def __call__(self, result, error) -> None:
        self._queue.put((result, error))

    def next(self):
        return self._queue.get(timeout=20)

    def rest(self) -> list:
        left = []
        while not self._queue.empty():
            left.append(self._queue.get())
        return left


def final(result) -> bool:
    return result.get_response().parameters["triton_final_response"].bool_param


def many(client, empty_final: bool) -> dict:
    """More requests than are in flight at once; the stream is closed before they are all answered."""
    answers = Answers()
    client.start_stream(answers)
    for i in range(REQUESTS):
        client.async_stream_infer(
            "simple", simple.inputs(rows=1 + i % 3, first=i), request_id=str(i), enable_empty_final_response=empty_final
        )
    client.stop_stream()
    taken = answers.rest()
    results = [result for result, error in taken if error is None]
    return {
        "errors": [simple.refused(error) for _, error in taken if error is not None],
        "ids": [result.get_response().id for result in results],
        "first": [int(result.as_numpy("OUTPUT0")[0][0]) for result in results],
        "rows": [len(result.as_numpy("OUTPUT1")) for result in results],
        "final": [final(result) for result in results],
    }


def in_band_error(client) -> list:
    """An error between two results, each waited for."""
    answers = Answers()
    client.start_stream(answers, compression_algorithm="gzip")
    seen = []
    for model in ["simple", "nobody", "simple"]:
        client.async_stream_infer(model, simple.inputs(), request_id=model)
        result, error = answers.next()
        seen.append(simple.refused(error) if result is None else simple.told(result)["id"])
    client.stop_stream()
    return seen + [str(left) for left in answers.rest()]


def strict_error(client) -> list:
    """The same error where the caller wants it to end the stream."""
    answers = Answers()
    client.start_stream(answers, headers={"triton_grpc_error": "true"})
    client.async_stream_infer("simple", simple.inputs(), request_id="before")
    result, _ = answers.next()
    client.async_stream_infer("nobody", simple.inputs(), request_id="bad")
    _, error = answers.next()
    client.stop_stream()
    return [result.get_response().id, simple.refused(error), *(str(left) for left in answers.rest())]


def cancelled(client) -> dict:
    """A stream that is dropped with a request answered and others perhaps not."""
    answers = Answers()
    client.start_stream(answers)
    for i in range(REQUESTS):
        client.async_stream_infer("simple", simple.inputs(), request_id=str(i))
    first, _ = answers.next()
    client.stop_stream(cancel_requests=True)
    errors = [simple.refused(error)["status"] for _, error in answers.rest() if error is not None]
    return {"first": first.get_response().id, "errors": errors, "afterwards": client.is_server_live()}


def timed_out(client) -> dict:
    """A stream with a deadline of its own, after its only request was answered."""
    answers = Answers()
    client.start_stream(answers, stream_timeout=1.0)
    client.async_stream_infer("simple", simple.inputs(), request_id="in time", timeout=500_000, priority=1)
    result, _ = answers.next()
    _, error = answers.next()
    client.stop_stream()
    return {"first": result.get_response().id, "error": simple.refused(error)["status"]}


def main() -> None:
    with simple.connected() as client:
        simple.finish(
            {
                "many": many(client, empty_final=False),
                "emptyFinal": many(client, empty_final=True),
                "inBandError": in_band_error(client),
                "strictError": strict_error(client),
                "cancelled": cancelled(client),
                "timedOut": timed_out(client),
                "afterwards": simple.told(client.infer("simple", simple.inputs()))["version"],
            }
        )


main()
