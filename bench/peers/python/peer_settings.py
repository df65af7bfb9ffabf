"""What every Python peer is told by the bench, and the one ONNX Runtime session, set up the same for all of them."""

import os
from dataclasses import dataclass

import onnxruntime


@dataclass(frozen=True)
class PeerSettings:
    """Settings of a peer, read from the environment because workers of some peers are started by the peer itself."""

    model_name: str
    model_file: str
    host: str
    port: int
    # A second free port, for peers that cannot switch off a listener that the bench does not use.
    spare_port: int
    max_batch: int
    threads: int
    # Longest wait for a fuller batch.
    max_delay_us: int
    # The caller's deadline that the bench uses, for peers that want to know one.
    deadline_ms: int
    # Longest time in the queue; 0: none.
    queue_timeout_us: int
    # Whether the `timeout` parameter of a request may shorten the queue timeout.
    timeout_override: bool
    temp_dir: str


def read_settings() -> PeerSettings:
    """Settings from PEER_… variables; a missing one is an error."""
    env = os.environ
    return PeerSettings(
        model_name=env["PEER_MODEL_NAME"],
        model_file=env["PEER_MODEL_FILE"],
        host=env["PEER_HOST"],
        port=int(env["PEER_PORT"]),
        spare_port=int(env["PEER_SPARE_PORT"]),
        max_batch=int(env["PEER_MAX_BATCH"]),
        threads=int(env["PEER_THREADS"]),
        max_delay_us=int(env["PEER_MAX_DELAY_US"]),
        deadline_ms=int(env["PEER_DEADLINE_MS"]),
        queue_timeout_us=int(env["PEER_QUEUE_TIMEOUT_US"]),
        timeout_override=env["PEER_TIMEOUT_OVERRIDE"] == "1",
        temp_dir=env["PEER_TEMP_DIR"],
    )


def open_session(settings: PeerSettings) -> onnxruntime.InferenceSession:
    """Opens the model as predictd does: this many threads, no spinning, all optimisations."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(settings.model_file, options, providers=["CPUExecutionProvider"])
