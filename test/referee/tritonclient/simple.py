"""What the programs of this folder share: requests to the model `simple`, and how results and refusals are told as JSON."""

import json
import sys
from contextlib import contextmanager

import numpy as np
from tritonclient.grpc import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException, np_to_triton_dtype


@contextmanager
def connected():
    """A client of the server whose address is the first argument."""
    with InferenceServerClient(sys.argv[1]) as client:
        yield client


def tensor(name: str, values: np.ndarray) -> InferInput:
    made = InferInput(name, list(values.shape), np_to_triton_dtype(values.dtype))
    made.set_data_from_numpy(values)
    return made


def inputs(rows: int = 1, first: int = 0) -> list[InferInput]:
    """`first`, `first` + 1 … plus and minus ones."""
    values = np.arange(first, first + rows * 16, dtype=np.int32).reshape(rows, 16)
    return [tensor("INPUT0", values), tensor("INPUT1", np.ones((rows, 16), dtype=np.int32))]


def told(result) -> dict:
    """Everything that a result says, its outputs in their order."""
    response = result.get_response()
    return {
        "model": response.model_name,
        "version": response.model_version,
        "id": response.id,
        "outputs": [
            {
                "name": output.name,
                "datatype": output.datatype,
                "shape": list(output.shape),
                "values": plain(result.as_numpy(output.name)),
            }
            for output in response.outputs
        ],
    }


def plain(values: np.ndarray) -> list:
    flat = values.flatten().tolist()
    return [value.decode() if isinstance(value, bytes) else value for value in flat]


def refused(error: InferenceServerException) -> dict:
    return {"status": (error.status() or "").removeprefix("StatusCode."), "message": error.message()}


def refusal(call, *args, **options) -> dict:
    """How a call that must fail was refused."""
    try:
        answer = call(*args, **options)
    except InferenceServerException as error:
        return refused(error)
    raise AssertionError(f"{call.__name__} was not refused but answered {answer}")


def finish(result: dict) -> None:
    json.dump(result, sys.stdout)
