"""Triton's own front end and dynamic batcher (nvidia-pytriton) around ONNX Runtime, over gRPC."""

import os
import pathlib
import signal
import sysconfig

import numpy as np
from peer_settings import open_session, read_settings
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.model_config.common import QueuePolicy, TimeoutAction
from pytriton.triton import Triton, TritonConfig, TritonSecurityConfig

# Triton's Python stub links libpython by name and would take the system's, which fails beside the library of another release.
os.environ["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, [sysconfig.get_config_var("LIBDIR"), os.environ.get("LD_LIBRARY_PATH")]))

settings = read_settings()
session = open_session(settings)


@batch
def infer(x: np.ndarray) -> list[np.ndarray]:
    return session.run(None, {"x": x})


# Without a timeout there is no policy at all: any policy costs Triton the fast path of its batcher.
policy = None
if settings.queue_timeout_us > 0:
    policy = QueuePolicy(
        timeout_action=TimeoutAction.REJECT,
        default_timeout_microseconds=settings.queue_timeout_us,
        allow_timeout_override=settings.timeout_override,
    )

# HTTP and metrics are off: they would only share the core.
config = TritonConfig(
    grpc_address=settings.host,
    grpc_port=settings.port,
    allow_http=False,
    allow_metrics=False,
    exit_timeout_secs=2,
)

# Leaving the block below is what stops Triton's own process, and lets it remove its files and its shared memory.
signal.signal(signal.SIGTERM, signal.default_int_handler)

# The bench asks for the statistics, which pytriton otherwise keeps behind a token.
security = TritonSecurityConfig(restricted_endpoints=[])

with Triton(config=config, workspace=pathlib.Path(settings.temp_dir) / "triton", security_config=security) as triton:
    triton.bind(
        model_name=settings.model_name,
        infer_func=infer,
        inputs=[Tensor(name="x", dtype=np.float32, shape=(1024,))],
        outputs=[Tensor(name="y", dtype=np.float32, shape=(8,))],
        config=ModelConfig(
            max_batch_size=settings.max_batch,
            batcher=DynamicBatcher(max_queue_delay_microseconds=settings.max_delay_us, default_queue_policy=policy),
        ),
        strict=False,
    )
    triton.serve()
