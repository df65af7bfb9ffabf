"""Trains `digits`, versions 1 and 2: convolutional nets on the 8x8 UCI digits.

The data come with scikit-learn, so nothing is downloaded.
"""

import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

sys.dont_write_bytecode = True  # no __pycache__ folder among the models
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common

HERE = Path(__file__).resolve().parent
BATCH = 64

# A net is a list of layers: ("conv", channels) is a 3x3 convolution with ReLU, ("pool",) a 2x2
# max-pool, ("dense", units) a fully connected layer with ReLU, except the last, which is linear.
VERSIONS = {
    1: {"layers": [("conv", 8), ("pool",), ("dense", 10)],
        "epochs": 40, "shift": 0, "dropout": 0.0},
    2: {"layers": [("conv", 24), ("conv", 48), ("pool",), ("conv", 64), ("pool",),
                   ("dense", 96), ("dense", 10)],
        "epochs": 60, "shift": 1, "dropout": 0.3},
}


def init(layers, rng):
    channels, size, features, params = 1, 8, None, []
    for kind, *args in layers:
        if kind == "conv":
            fan_in, shape = channels * 9, (args[0], channels, 3, 3)
            channels = args[0]
        elif kind == "pool":
            size //= 2
            params.append(())
            continue
        else:
            fan_in = features or channels * size * size
            shape, features = (fan_in, args[0]), args[0]
        weights = rng.normal(0, np.sqrt(2 / fan_in), shape).astype(np.float32)
        params.append((weights, np.zeros(args[0], np.float32)))
    return params


def forward(layers, params, x, key=None, dropout=0.0):
    for index, ((kind, *_), param) in enumerate(zip(layers, params)):
        if kind == "conv":
            x = jax.lax.conv(x, param[0], (1, 1), "SAME") + param[1][:, None, None]
            x = jax.nn.relu(x)
        elif kind == "pool":
            n, c, h, w = x.shape
            x = x.reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))
        else:
            x = x.reshape(len(x), -1)
            if key is not None and dropout:
                key, sub = jax.random.split(key)
                x = x * jax.random.bernoulli(sub, 1 - dropout, x.shape) / (1 - dropout)
            x = x @ param[0] + param[1]
            if index < len(layers) - 1:
                x = jax.nn.relu(x)
    return x


def train(spec, x, y, seed):
    layers, rng = spec["layers"], np.random.default_rng(seed)
    params = init(layers, rng)
    steps = spec["epochs"] * (len(x) // BATCH)

    def loss(params, x, y, key):
        logits = forward(layers, params, x, key, spec["dropout"])
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1).mean()

    @jax.jit
    def update(params, first, second, step, x, y, key):  # Adam with a cosine decay
        grads = jax.grad(loss)(params, x, y, key)
        rate = 2e-3 * 0.5 * (1 + jnp.cos(jnp.pi * step / steps))
        tree = jax.tree.map
        first = tree(lambda m, g: 0.9 * m + 0.1 * g, first, grads)
        second = tree(lambda v, g: 0.999 * v + 0.001 * g * g, second, grads)
        params = tree(
            lambda p, m, v: p - rate * (m / (1 - 0.9 ** (step + 1)))
            / (jnp.sqrt(v / (1 - 0.999 ** (step + 1))) + 1e-8),
            params, first, second)
        return params, first, second

    first = second = jax.tree.map(jnp.zeros_like, params)
    key, step = jax.random.key(seed), 0
    for _ in range(spec["epochs"]):
        order = rng.permutation(len(x))
        for start in range(0, len(x) - BATCH + 1, BATCH):
            rows = order[start:start + BATCH]
            batch = shifted(x[rows], spec["shift"], rng)
            key, sub = jax.random.split(key)
            params, first, second = update(params, first, second, step, batch, y[rows], sub)
            step += 1
    return jax.tree.map(np.asarray, params)


def shifted(x, most, rng):
    """Moves half of the images by up to `most` pixels along one axis."""
    if not most:
        return x
    x = x.copy()
    for image in x:
        if rng.random() < 0.5:
            by, axis = int(rng.choice([-most, most])), int(rng.integers(1, 3))
            moved = np.roll(image, by, axis)
            edge = slice(0, by) if by > 0 else slice(by, None)
            moved[(slice(None), edge) if axis == 1 else (slice(None), slice(None), edge)] = 0
            image[:] = moved
    return x


def to_onnx(layers, params):
    nodes, weights, last = [], [], "image"

    def add(op, *names, **attributes):
        nonlocal last
        out = f"{op.lower()}{len(nodes)}"
        nodes.append(helper.make_node(op, [last, *names], [out], name=out, **attributes))
        last = out

    def constant(array, name):
        weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    flat = False
    for index, ((kind, *_), param) in enumerate(zip(layers, params)):
        if kind == "pool":
            add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
            continue
        if kind == "dense" and not flat:
            add("Flatten")
            flat = True
        names = constant(param[0], f"w{index}"), constant(param[1], f"b{index}")
        if kind == "conv":
            add("Conv", *names, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        else:
            add("Gemm", *names)
        if index < len(layers) - 1:
            add("Relu")
    nodes += [
        helper.make_node("Softmax", [last], ["probabilities"], name="probabilities", axis=1),
        helper.make_node("ArgMax", [last], ["label"], name="label", axis=1, keepdims=0),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "digits",
        [value("image", TensorProto.FLOAT, ["N", 1, 8, 8])],
        [value("label", TensorProto.INT64, ["N"]),
         value("probabilities", TensorProto.FLOAT, ["N", 10])],
        weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def write_png(name, image):
    """An 8x8 image, each pixel drawn as an 8x8 square; bright ink on a dark ground."""
    pixels = np.kron(np.round(image[0] * 255), np.ones((8, 8))).astype(np.uint8)
    Image.fromarray(pixels).save(HERE / f"{name}.png", optimize=True)
    return pixels


data = load_digits()
x = (data.images[:, None] / 16).astype(np.float32)
y = data.target.astype(np.int32)
x_train, x_test, y_train, y_test = train_test_split(
    x, y, test_size=0.25, random_state=0, stratify=y)
print(f"{len(x_train)} images to train on, {len(x_test)} held out")

certain = np.ones(len(x_test), bool)  # rows that every version gets right with confidence
for version, spec in VERSIONS.items():
    params = train(spec, x_train, y_train, seed=version)
    doc = f"Handwritten digits, 8x8 grey images, version {version}."
    path = common.save(to_onnx(spec["layers"], params), "digits", version, doc)
    got = common.run(common.session(path), {"image": x_test})
    logits = partial(forward, spec["layers"])(params, x_test)
    assert np.abs(jax.nn.softmax(logits) - got["probabilities"]).max() < 1e-5
    size = sum(array.size for array in jax.tree.leaves(params))
    right = got["label"] == y_test
    certain &= right & (got["probabilities"].max(1) > 0.95)
    print(f"digits {version}: {size} weights, hold-out accuracy {right.mean():.4f} "
          f"({right.sum()} of {len(right)})")

for name, digit in (("three", 3), ("seven", 7)):
    # The held-out image nearest to the mean of its class: a plain example of it.
    choice = x_test[certain & (y_test == digit)]
    distance = np.abs(choice - x_train[y_train == digit].mean(0)).sum((1, 2, 3))
    pixels = write_png(name, choice[distance.argmin()])
    # What a client does with such a file: average back to 8x8 and scale to 0..1.
    small = pixels.reshape(8, 8, 8, 8).mean((1, 3)).astype(np.float32)[None, None] / 255
    for version in VERSIONS:
        got = common.run(common.session(common.model_path("digits", version)), {"image": small})
        assert got["label"].tolist() == [digit]

for version in VERSIONS:
    common.write_fixture("digits", version, [
        {"image": x_test[start:start + rows]} for start, rows in ((0, 1), (1, 2), (3, 3), (6, 5))
    ])
