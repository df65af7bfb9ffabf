"""MLServer with a runtime of a few lines around ONNX Runtime, over gRPC."""

import asyncio

from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from mlserver.utils import install_uvloop_event_loop
from peer_settings import open_session, read_settings

peer = read_settings()


class OnnxModel(MLModel):
    async def load(self) -> bool:
        self.session = open_session(peer)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        x = NumpyCodec.decode_input(payload.inputs[0])
        (y,) = self.session.run(None, {"x": x})
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=[NumpyCodec.encode_output("y", y)])


async def main() -> None:
    # On one core a second process for the model would only add a hop.
    server = MLServer(
        Settings(
            host=peer.host,
            grpc_port=peer.port,
            http_port=peer.spare_port,
            metrics_endpoint=None,
            parallel_workers=0,
            debug=False,
        )
    )
    model = ModelSettings(
        name=peer.model_name,
        implementation=OnnxModel,
        max_batch_size=peer.max_batch,
        max_batch_time=peer.max_delay_us / 1e6,
    )
    await server.start([model])


if __name__ == "__main__":
    install_uvloop_event_loop()
    asyncio.run(main())
