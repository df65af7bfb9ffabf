"""BentoML with adaptive batching around ONNX Runtime, over HTTP with JSON. Started by `bentoml serve serve:Mlp`."""

import bentoml
import numpy as np
from peer_settings import open_session, read_settings

settings = read_settings()


@bentoml.service(workers=1, traffic={"timeout": 60}, logging={"access": {"enabled": False}}, metrics={"enabled": False})
class Mlp:
    def __init__(self) -> None:
        self.session = open_session(settings)

    # BentoML takes the callers' deadline as the bound of its batching.
    @bentoml.api(batchable=True, max_batch_size=settings.max_batch, max_latency_ms=settings.deadline_ms)
    def predict(self, x: np.ndarray) -> np.ndarray:
        (y,) = self.session.run(None, {"x": x.astype(np.float32, copy=False)})
        return y
