"""OTLP requests for tests, made with the protocol's own messages, and those that real SDKs sent."""

from __future__ import annotations

import base64
import gzip
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.corpus import CORPUS

MS = 1_000_000
RESOURCE = {
    "service.name": "shop",
    "service.version": "4.2.0",
    "deployment.environment.name": "production",
    "host.name": "web-1",
    "telemetry.sdk.language": "python",
}


def now_ns() -> int:
    return time.time_ns()


def put(attributes: Any, values: Mapping[str, Any]) -> None:
    """Add attributes of text, whole numbers, real numbers and booleans."""
    for name, value in values.items():
        pair = attributes.add()
        pair.key = name
        kind = {bool: "bool_value", int: "int_value", float: "double_value"}.get(type(value))
        setattr(pair.value, kind or "string_value", value)


@dataclass
class Timed:
    """A span to send; times in milliseconds from the request's."""

    name: str
    start: float = 0.0
    took: float = 10.0
    span_id: bytes = b""
    parent: bytes = b""
    trace_id: bytes = b""
    kind: int = 1
    failed: bool = False
    attributes: Mapping[str, Any] | None = None
    exception: Mapping[str, Any] | None = None

    def write(self, span: Any, trace_id: bytes, base_ns: int) -> None:
        span.trace_id = self.trace_id or trace_id
        span.span_id = self.span_id or os.urandom(8)
        span.parent_span_id = self.parent
        span.name = self.name
        span.kind = self.kind
        span.start_time_unix_nano = base_ns + round(self.start * MS)
        span.end_time_unix_nano = base_ns + round((self.start + self.took) * MS)
        span.status.code = 2 if self.failed else 0
        put(span.attributes, self.attributes or {})
        if self.exception is not None:
            event = span.events.add(name="exception", time_unix_nano=span.end_time_unix_nano)
            put(event.attributes, self.exception)


def traces(
    *spans: Timed,
    trace_id: bytes = b"",
    resource: Mapping[str, Any] = RESOURCE,
    base_ns: int | None = None,
) -> bytes:
    """A request with these spans of one trace and service."""
    request = ExportTraceServiceRequest()
    into = request.resource_spans.add()
    put(into.resource.attributes, resource)
    within = into.scope_spans.add()
    within.scope.name = "test"
    trace_id = trace_id or os.urandom(16)
    for span in spans:
        span.write(within.spans.add(), trace_id, base_ns or now_ns())
    return request.SerializeToString()


def joined(*bodies: bytes) -> bytes:
    """Requests of traces as one, as a collector sends them."""
    request = ExportTraceServiceRequest()
    for body in bodies:
        request.MergeFromString(body)
    return request.SerializeToString()


def gauges(
    values: Mapping[str, Sequence[float]],
    resource: Mapping[str, Any] = RESOURCE,
    at_ns: int | None = None,
) -> bytes:
    """A request with points of gauges, by their names."""
    request = ExportMetricsServiceRequest()
    into = request.resource_metrics.add()
    put(into.resource.attributes, resource)
    within = into.scope_metrics.add()
    for name, points in values.items():
        metric = within.metrics.add(name=name, unit="1")
        for value in points:
            metric.gauge.data_points.add(time_unix_nano=at_ns or now_ns(), as_double=value)
    return request.SerializeToString()


def logs(
    *lines: tuple[int, str],
    trace_id: bytes = b"",
    attributes: Mapping[str, Any] | None = None,
    resource: Mapping[str, Any] = RESOURCE,
) -> bytes:
    """A request with log records: severity numbers and texts."""
    request = ExportLogsServiceRequest()
    into = request.resource_logs.add()
    put(into.resource.attributes, resource)
    within = into.scope_logs.add()
    for severity, text in lines:
        record = within.log_records.add(
            time_unix_nano=now_ns(), severity_number=severity, trace_id=trace_id
        )
        record.body.string_value = text
        put(record.attributes, attributes or {})
    return request.SerializeToString()


@dataclass(frozen=True)
class Recorded:
    """A request that a real SDK sent."""

    name: str
    path: str
    headers: dict[str, str]
    wire: bytes
    body: bytes
    kind: str

    @property
    def encoding(self) -> str:
        return "json" if "json" in self.headers["content-type"] else "proto"

    @property
    def signal(self) -> str:
        return self.kind.removeprefix("otlp-")


def recorded() -> list[Recorded]:
    """The corpus's requests of OpenTelemetry SDKs."""
    files = sorted(CORPUS.glob("otel-*/*.json"))
    assert len(files) == 14, f"the corpus of recorded requests is not at {CORPUS}"
    return [_recorded(file) for file in files]


def _recorded(file: Path) -> Recorded:
    told = json.loads(file.read_bytes())
    wire = base64.b64decode(told["body_base64"])
    body = gzip.decompress(wire) if told["content_encoding"] == "gzip" else wire
    headers = {name.lower(): value for name, value in told["headers"]}
    name = f"{told['family']}/{file.stem}"
    return Recorded(name, told["path"], headers, wire, body, told["kind"])
