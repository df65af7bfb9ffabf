"""What the scripts that make the bundled models share: saving, fixtures, sessions."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

MODELS = Path(__file__).resolve().parent
FIXTURES = MODELS.parent / "test" / "fixtures" / "models"

IR_VERSION = 10  # readable by every onnxruntime since 1.18
DTYPES = {
    "tensor(bool)": "BOOL",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float)": "FP32",
    "tensor(string)": "STRING",
}


def model_path(name, version):
    return MODELS / name / str(version) / "model.onnx"


def save(model, name, version, doc):
    """Stamps a model with the common metadata, checks it and writes it."""
    model.ir_version = IR_VERSION
    model.producer_name = "predictd"
    model.producer_version = ""
    model.domain = ""
    model.doc_string = model.graph.doc_string = doc
    model.graph.name = name
    model.model_version = int(version)
    opsets = sorted((opset.domain, opset.version) for opset in model.opset_import)
    del model.opset_import[:]
    model.opset_import.extend(onnx.helper.make_opsetid(*opset) for opset in opsets)
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    onnx.checker.check_model(model)
    path = model_path(name, version)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return path


def session(path_or_bytes):
    """A CPU session on one thread, so that results do not depend on the machine's cores."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    source = str(path_or_bytes) if isinstance(path_or_bytes, Path) else path_or_bytes
    return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def run(sess, feeds):
    names = [output.name for output in sess.get_outputs()]
    return dict(zip(names, sess.run(names, feeds)))


def _tensor(dtype, array):
    array = np.asarray(array)
    flat = array.ravel().tolist()
    if dtype == "INT64":  # 64-bit integers are strings in JSON
        flat = [str(value) for value in flat]
    if dtype == "FP32":  # the shortest decimal that reads back as the same float32
        flat = [float(str(np.float32(value))) for value in flat]
    return {"dtype": dtype, "shape": list(array.shape), "data": flat}


def write_fixture(name, version, batches):
    """Writes input batches with the outputs that onnxruntime gives for them."""
    sess = session(model_path(name, version))
    inputs = {value.name: DTYPES[value.type] for value in sess.get_inputs()}
    outputs = {value.name: DTYPES[value.type] for value in sess.get_outputs()}
    cases = []
    for feeds in batches:
        results = run(sess, feeds)
        cases.append({
            "inputs": {key: _tensor(dtype, feeds[key]) for key, dtype in inputs.items()},
            "outputs": {key: _tensor(dtype, results[key]) for key, dtype in outputs.items()},
        })
    fixture = {"model": name, "version": str(version), "tolerance": 1e-4, "cases": cases}
    FIXTURES.mkdir(parents=True, exist_ok=True)
    path = FIXTURES / f"{name}-{version}.json"
    path.write_text(json.dumps(fixture, ensure_ascii=True) + "\n")
