"""Checks the bundled models: size, fixtures, row independence; prints the run times.

    python models/check.py
"""

import json
import sys
import time

import numpy as np

sys.dont_write_bytecode = True  # no __pycache__ folder among the models
import common
import onnx

TYPES = {"BOOL": bool, "INT32": np.int32, "INT64": np.int64, "FP32": np.float32, "STRING": object}


def read(tensors):
    return {
        name: np.array(
            [int(v) for v in t["data"]] if t["dtype"] == "INT64" else t["data"],
            dtype=TYPES[t["dtype"]]).reshape(t["shape"])
        for name, t in tensors.items()
    }


def same(got, expected, tolerance):
    for name, array in expected.items():
        assert got[name].shape == array.shape, (name, got[name].shape, array.shape)
        if array.dtype == np.float32:
            assert np.abs(got[name] - array).max() <= tolerance, name
        else:
            assert (got[name] == array).all(), name


def microseconds(sess, feeds, repeats=2000):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        sess.run(None, feeds)
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1e6


for path in sorted(common.MODELS.glob("*/*/model.onnx")):
    name, version = path.parts[-3:-1]
    size = path.stat().st_size
    assert size < 2_000_000, f"{path} is too large"
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    opsets = {opset.domain or "ai.onnx": opset.version for opset in model.opset_import}
    assert model.ir_version <= 10 and opsets["ai.onnx"] <= 21 and model.producer_name == "predictd"

    sess = common.session(path)
    fixture = json.loads((common.FIXTURES / f"{name}-{version}.json").read_text())
    batches = []
    for case in fixture["cases"]:
        feeds = read(case["inputs"])
        same(common.run(sess, feeds), read(case["outputs"]), fixture["tolerance"])
        batches.append(feeds)

    # All rows of the fixture in one batch, against each row on its own and the rows reversed.
    stacked = {key: np.concatenate([feeds[key] for feeds in batches]) for key in batches[0]}
    whole = common.run(sess, stacked)
    rows = len(next(iter(stacked.values())))
    for row in range(rows):
        alone = common.run(sess, {key: array[row:row + 1] for key, array in stacked.items()})
        same(alone, {key: array[row:row + 1] for key, array in whole.items()}, 1e-5)
    backwards = common.run(sess, {key: array[::-1].copy() for key, array in stacked.items()})
    same({key: array[::-1] for key, array in backwards.items()}, whole, 1e-5)

    one = {key: array[:1] for key, array in stacked.items()}
    many = {key: np.concatenate([array[:1]] * 32) for key, array in stacked.items()}
    print(f"{name} {version}: {size} bytes, ir {model.ir_version}, {opsets}, "
          f"{len(batches)} cases, {rows} rows independent; "
          f"1 row {microseconds(sess, one):.0f} us, 32 rows {microseconds(sess, many):.0f} us")
    for kind, values in (("in ", sess.get_inputs()), ("out", sess.get_outputs())):
        for value in values:
            print(f"  {kind} {value.name} {common.DTYPES[value.type]} {value.shape}")
