"""Ray Serve with batching around ONNX Runtime, over HTTP with JSON."""

import asyncio

import numpy as np
import ray
from peer_settings import open_session, read_settings
from ray import serve
from ray.serve.config import HTTPOptions
from ray.serve.schema import LoggingConfig
from starlette.requests import Request

settings = read_settings()


# The default of five ongoing requests would cap the batches at five.
@serve.deployment(num_replicas=1, max_ongoing_requests=100_000, ray_actor_options={"num_cpus": 1})
class Mlp:
    def __init__(self) -> None:
        self.session = open_session(settings)

    @serve.batch(max_batch_size=settings.max_batch, batch_wait_timeout_s=settings.max_delay_us / 1e6)
    async def predict(self, rows: list[np.ndarray]) -> list[np.ndarray]:
        (y,) = self.session.run(None, {"x": np.concatenate(rows)})
        return np.split(y, np.cumsum([len(x) for x in rows])[:-1])

    async def __call__(self, request: Request) -> dict:
        body = await request.json()
        y = await self.predict(np.asarray(body["x"], dtype=np.float32))
        return {"y": y.tolist()}


async def forever() -> None:
    await asyncio.Event().wait()


if __name__ == "__main__":
    # One core for everything, and no more object store than Ray insists on: answers are small.
    ray.init(
        num_cpus=1,
        include_dashboard=False,
        object_store_memory=100 * 2**20,
        log_to_driver=False,
        _temp_dir=f"{settings.temp_dir}/ray",
    )
    serve.start(
        http_options=HTTPOptions(host=settings.host, port=settings.port),
        logging_config=LoggingConfig(enable_access_log=False),
    )
    serve.run(Mlp.bind(), name="mlp", route_prefix="/", logging_config=LoggingConfig(enable_access_log=False))
    asyncio.run(forever())
