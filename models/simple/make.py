"""Makes `simple`: the sum and the difference of two integer vectors."""

import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

sys.dont_write_bytecode = True  # no __pycache__ folder among the models
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common

DOC = "OUTPUT0 = INPUT0 + INPUT1, OUTPUT1 = INPUT0 - INPUT1, element by element."


def vector(name):
    return helper.make_tensor_value_info(name, TensorProto.INT32, ["N", 16])


graph = helper.make_graph(
    [
        helper.make_node("Add", ["INPUT0", "INPUT1"], ["OUTPUT0"], name="add"),
        helper.make_node("Sub", ["INPUT0", "INPUT1"], ["OUTPUT1"], name="subtract"),
    ],
    "simple",
    [vector("INPUT0"), vector("INPUT1")],
    [vector("OUTPUT0"), vector("OUTPUT1")],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
common.save(model, "simple", 1, DOC)

rng = np.random.default_rng(1)
batches = [{
    "INPUT0": np.arange(16, dtype=np.int32)[None],
    "INPUT1": np.ones((1, 16), dtype=np.int32),
}]
for rows in (2, 3, 5):
    batches.append({
        name: rng.integers(-10_000, 10_000, (rows, 16), dtype=np.int32)
        for name in ("INPUT0", "INPUT1")
    })
extremes = np.resize(np.array([2**31 - 1, -(2**31), 0, -1], dtype=np.int32), (1, 16))
batches.append({"INPUT0": extremes, "INPUT1": np.zeros((1, 16), dtype=np.int32)})
common.write_fixture("simple", 1, batches)
print("simple 1: written")
