"""Calls every prediction method of a running predictd with grpcio, knowing only what reflection tells; prints what it got as JSON."""

import json
import struct
import sys

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

TIMEOUT_S = 10
INT32 = 8  # DATA_TYPE_INT32


def main(address: str) -> None:
    with grpc.insecure_channel(address) as channel:
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        service = pool.FindServiceByName("predictd.v1.PredictionService")

        def message(name: str):
            return GetMessageClass(pool.FindMessageTypeByName(f"predictd.v1.{name}"))

        def method(name: str, kind: str):
            found = service.methods_by_name[name]
            request, response = GetMessageClass(found.input_type), GetMessageClass(found.output_type)
            return getattr(channel, kind)(
                f"/{service.full_name}/{name}",
                request_serializer=request.SerializeToString,
                response_deserializer=response.FromString,
            )

        Tensor, PredictRequest = message("Tensor"), message("PredictRequest")

        def tensor(name: str, rows: int, values: list, with_data: bool = True):
            raw = struct.pack(f"<{len(values)}i", *values) if with_data else b""
            return Tensor(name=name, data_type=INT32, shape=[rows, 16], raw=raw)

        def request(rows: int):
            first = list(range(rows * 16))
            return PredictRequest(
                model="simple", inputs=[tensor("INPUT0", rows, first), tensor("INPUT1", rows, [1] * rows * 16)]
            )

        def numbers(response, name: str) -> list:
            raw = next(output.raw for output in response.outputs if output.name == name)
            return list(struct.unpack(f"<{len(raw) // 4}i", raw))

        def both(response) -> dict:
            return {
                "version": response.version,
                "sum": numbers(response, "OUTPUT0"),
                "difference": numbers(response, "OUTPUT1"),
            }

        result = {}
        result["predict"] = both(method("Predict", "unary_unary")(request(2), timeout=TIMEOUT_S))

        stream = method("PredictStream", "unary_stream")
        chunks = stream(message("PredictStreamRequest")(request=request(20), chunk_rows=3), timeout=TIMEOUT_S)
        result["stream"] = [
            {"first": chunk.first_row, "done": chunk.rows_done, "total": chunk.rows_total, **both(chunk.response)}
            for chunk in chunks
        ]

        SessionRequest = message("PredictSessionRequest")
        bad = PredictRequest(model="nobody")
        items = [
            SessionRequest(options=message("SessionOptions")(ordered=True)),
            SessionRequest(predict=message("SessionPredict")(id="a", request=request(1))),
            SessionRequest(predict=message("SessionPredict")(id="bad", request=bad)),
            SessionRequest(predict=message("SessionPredict")(id="b", request=request(2))),
        ]
        answers = method("PredictSession", "stream_stream")(iter(items), timeout=TIMEOUT_S)
        result["session"] = [
            {"id": answer.result.id, "code": answer.result.error.code}
            if answer.result.WhichOneof("outcome") == "error"
            else {"id": answer.result.id, **both(answer.result.response)}
            for answer in answers
        ]

        UploadRequest = message("PredictUploadRequest")
        values = list(range(32))
        raw = struct.pack("<32i", *values)
        head = PredictRequest(model="simple", inputs=[tensor("INPUT0", 2, [], False), tensor("INPUT1", 2, [1] * 32)])
        parts = [
            UploadRequest(header=message("UploadHeader")(request=head, input="INPUT0", total_bytes=len(raw))),
            *(UploadRequest(chunk=raw[at : at + 50]) for at in range(0, len(raw), 50)),
        ]
        result["upload"] = both(method("PredictUpload", "stream_unary")(iter(parts), timeout=TIMEOUT_S).response)

        try:
            method("Predict", "unary_unary")(PredictRequest(model="simple"), timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            trailers = dict(error.trailing_metadata())
            result["refusal"] = {"code": error.code().name, "details": b"INPUT_MISSING" in trailers["grpc-status-details-bin"]}

        json.dump(result, sys.stdout)


main(sys.argv[1])
