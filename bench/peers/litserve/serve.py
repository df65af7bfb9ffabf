"""LitServe with batching around ONNX Runtime, over HTTP with JSON."""

import litserve
import numpy as np
from peer_settings import open_session, read_settings

settings = read_settings()


class Mlp(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.session = open_session(settings)

    def decode_request(self, request: dict) -> np.ndarray:
        return np.asarray(request["x"], dtype=np.float32)

    def batch(self, inputs: list[np.ndarray]) -> np.ndarray:
        self.rows = [len(x) for x in inputs]
        return np.concatenate(inputs)

    def predict(self, x: np.ndarray) -> np.ndarray:
        (y,) = self.session.run(None, {"x": x})
        return y

    def unbatch(self, y: np.ndarray) -> list[np.ndarray]:
        return np.split(y, np.cumsum(self.rows)[:-1])

    def encode_response(self, y: np.ndarray) -> dict:
        return {"y": y.tolist()}


if __name__ == "__main__":
    # With no delay at all its worker would poll without a pause, on the core that serves.
    api = Mlp(max_batch_size=settings.max_batch, batch_timeout=settings.max_delay_us / 1e6)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, timeout=60)
    server.run(host=settings.host, port=settings.port, generate_client_file=False, log_level="warning", access_log=False)
