"""Seeded spans and metric points as OpenTelemetry's SDKs send them: requests of 50."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from events.ids import now_ms

SPANS = 50
POINTS = 50
_TRACE_SPANS = 10
_MS = 1_000_000
_RESOURCE = {
    "telemetry.sdk.language": "python",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.version": "1.45.1",
    "service.version": "4.2.0",
    "deployment.environment.name": "production",
}
_SERVICES = ("shop", "checkout", "catalogue", "payment", "account")
_REQUESTS = ("GET /cart/{id}", "GET /", "GET /item/{id}", "POST /orders", "POST /pay")
_WORK = (
    ("SELECT carts", "db"),
    ("SELECT items", "db"),
    ("INSERT orders", "db"),
    ("GET price", "http"),
    ("render cart", "app"),
    ("reserve stock", "app"),
)
_METRICS = (
    ("http.server.active_requests", "gauge"),
    ("process.memory.usage", "gauge"),
    ("orders.placed", "counter"),
    ("http.server.request.duration", "histogram"),
)
_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)


class SpanSource:
    """An endless stream of requests of :data:`SPANS` spans, five traces each."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def body(self) -> bytes:
        """One body for ``POST /v1/traces``."""
        request = ExportTraceServiceRequest()
        into = request.resource_spans.add()
        _put(into.resource.attributes, self._resource())
        within = into.scope_spans.add()
        within.scope.name = "opentelemetry.instrumentation.flask"
        for _ in range(SPANS // _TRACE_SPANS):
            self._trace(within.spans)
        return request.SerializeToString()

    def _resource(self) -> dict[str, Any]:
        pick = self._random
        return {
            **_RESOURCE,
            "service.name": pick.choice(_SERVICES),
            "host.name": f"web-{pick.randrange(20)}",
        }

    def _trace(self, spans: Any) -> None:
        pick = self._random
        trace_id, root = pick.randbytes(16), pick.randbytes(8)
        start = now_ms() * _MS
        failed = pick.random() < 0.02
        for number in range(_TRACE_SPANS):
            span = spans.add(trace_id=trace_id, flags=0x101)
            span.span_id = pick.randbytes(8) if number else root
            span.start_time_unix_nano = start + number * _MS
            took = round(pick.lognormvariate(15, 1.2))
            span.end_time_unix_nano = span.start_time_unix_nano + took
            if number:
                span.parent_span_id = root
                self._step(span)
            else:
                self._request(span, failed)

    def _request(self, span: Any, failed: bool) -> None:
        pick = self._random
        span.name, span.kind = pick.choice(_REQUESTS), 2
        span.status.code = 2 if failed else 0
        _put(
            span.attributes,
            {
                "http.request.method": span.name.partition(" ")[0],
                "http.route": span.name.partition(" ")[2],
                "url.path": f"/cart/{pick.randrange(10**6)}",
                "http.response.status_code": 500 if failed else 200,
                "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64)",
            },
        )

    def _step(self, span: Any) -> None:
        pick = self._random
        span.name, kind = pick.choice(_WORK)
        span.kind = 1 if kind == "app" else 3
        told: dict[str, Any] = {"thread.id": pick.randrange(10**6), "thread.name": "worker"}
        if kind == "db":
            told |= {
                "db.system.name": "postgresql",
                "db.query.text": f"{span.name} WHERE id = %s",
                "server.address": "db-1",
            }
        elif kind == "http":
            told |= {
                "http.request.method": "GET",
                "url.full": f"http://prices.test/{pick.randrange(10**6)}",
                "http.response.status_code": 200,
            }
        _put(span.attributes, told)


class PointSource:
    """An endless stream of requests of :data:`POINTS` points: levels, counts and histograms."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def body(self) -> bytes:
        """One body for ``POST /v1/metrics``."""
        pick = self._random
        request = ExportMetricsServiceRequest()
        into = request.resource_metrics.add()
        host = f"web-{pick.randrange(20)}"
        _put(
            into.resource.attributes,
            {**_RESOURCE, "service.name": pick.choice(_SERVICES), "host.name": host},
        )
        within = into.scope_metrics.add()
        for name, kind in _METRICS:
            metric = within.metrics.add(name=name, unit="1")
            for number in range(POINTS // len(_METRICS) + (name == _METRICS[0][0]) * 2):
                self._point(metric, kind, number)
        return request.SerializeToString()

    def _point(self, metric: Any, kind: str, number: int) -> None:
        pick = self._random
        at = now_ms() * _MS
        labels = {"http.route": _REQUESTS[number % len(_REQUESTS)], "shard": number}
        if kind == "gauge":
            point = metric.gauge.data_points.add(as_double=pick.random() * 100)
        elif kind == "counter":
            metric.sum.is_monotonic, metric.sum.aggregation_temporality = True, 1
            point = metric.sum.data_points.add(as_int=pick.randrange(50))
        else:
            metric.histogram.aggregation_temporality = 1
            point = metric.histogram.data_points.add(explicit_bounds=_BOUNDS)
            point.bucket_counts.extend(
                pick.randrange(20) if 3 < at < 9 else 0 for at in range(len(_BOUNDS) + 1)
            )
            point.count = sum(point.bucket_counts)
            point.sum = point.count * 0.2
        point.time_unix_nano = at
        _put(point.attributes, labels)


def _put(attributes: Any, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        pair = attributes.add(key=name)
        kind = "int_value" if isinstance(value, int) else "string_value"
        setattr(pair.value, kind, value)
