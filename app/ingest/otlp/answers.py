"""How senders of OTLP are answered: in the encoding in which they asked; pure.

What is to be sent again later is answered 429 or 503 with ``Retry-After``, as the specification has
it; all else that is refused must not be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
from google.protobuf import json_format
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from app.errors import JSON, ApiError
from app.ingest.endpoint import IngestResponse, Submission
from app.ingest.keys import Headers

PROTOBUF = "application/x-protobuf"
RETRY_AFTER_SECONDS = 30
MAX_IDS_ANSWERED = 100

_ANSWERS: dict[str, tuple[Any, str]] = {
    "traces": (ExportTraceServiceResponse, "rejected_spans"),
    "metrics": (ExportMetricsServiceResponse, "rejected_data_points"),
    "logs": (ExportLogsServiceResponse, "rejected_log_records"),
}
_LIMITED = {
    "overloaded": "the server is too far behind",
    "rate_limited": "the project sends more than it may in a minute",
    "quota": "the project's quota is used up",
}
#: Codes of google.rpc, by our statuses.
_RPC = {400: 3, 401: 16, 403: 7, 404: 5, 413: 8, 415: 3, 429: 8, 503: 14}
_RPC_INTERNAL = 13


@dataclass(slots=True)
class OtlpSubmission(Submission):
    """A request understood. ``items`` are how many spans, log records or metrics each type has;
    ``items_refused`` were never events, and ``why`` tells of the first.
    """

    signal: str = ""
    encoding: str = "proto"
    items: dict[str, int] = field(default_factory=dict)
    items_refused: int = 0
    why: str | None = None


def encoding_of(headers: Headers, body: bytes = b"") -> str:
    """The encoding of a request, by its content type; where it says neither, by its body."""
    kind = (headers.get("content-type") or "").partition(";")[0].strip().lower()
    if kind == JSON:
        return "json"
    if kind in (PROTOBUF, "application/protobuf"):
        return "proto"
    return "json" if body.lstrip()[:1] == b"{" else "proto"


def accepted(submission: OtlpSubmission) -> IngestResponse:
    """200 with the signal's own response, which tells of what was left out; and our ids."""
    make, rejected = _ANSWERS[submission.signal]
    answer = make()
    limited = [name for name in submission.limited if not submission.batches.get(name)]
    shed = sum(submission.items.get(name, 0) for name in limited)
    if left_out := submission.items_refused + shed:
        setattr(answer.partial_success, rejected, left_out)
        why = _LIMITED[submission.limited[limited[0]].reason] if limited else ""
        answer.partial_success.error_message = submission.why or why
    ids = submission.ids
    told = {"Sluice-Accepted": str(len(ids)), "Sluice-Event-Ids": ",".join(ids[:MAX_IDS_ANSWERED])}
    return _encoded(200, answer, submission.encoding, told if ids else {})


def refused(error: ApiError, encoding: str) -> IngestResponse:
    """The error's status, with a message of google.rpc; as JSON also with our own error body."""
    status = Status(
        code=_RPC.get(error.status, _RPC_INTERNAL), message=f"{error.code}: {error.message}"
    )
    answer = _encoded(error.status, status, encoding, error.headers)
    if encoding != "json":
        return answer
    told = {"code": status.code, "message": status.message, **orjson.loads(error.body())}
    return IngestResponse(answer.status, answer.headers, orjson.dumps(told))


def overloaded(event_type: str) -> ApiError:
    """The answer to events of a type that is refused now."""
    return ApiError(
        503,
        "overloaded",
        f"The server is too far behind to take {event_type} events now; send them later.",
        {"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def _encoded(status: int, message: Any, encoding: str, headers: dict[str, str]) -> IngestResponse:
    if encoding == "json":
        body = json_format.MessageToJson(message, indent=None).encode()
        return IngestResponse(status, {"Content-Type": JSON, **headers}, body)
    return IngestResponse(
        status, {"Content-Type": PROTOBUF, **headers}, message.SerializeToString()
    )
