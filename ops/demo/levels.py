"""What the servers of the API measure of themselves, as a collector exports it by the minute."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from ops.demo.requests import put, resource
from ops.demo.story import API, RELEASES, Span, release, traffic

#: Points of a metric in one export; where it must tell of more minutes, its points are rarer.
MOST_POINTS = 60
_MINUTE_MS = 60_000
_NS = 1_000_000
_DELTA = 1
#: What people come to at the busiest hour of a usual day, as the story counts them.
_BUSY = 100.0
_GB = 1_000_000_000
#: The release that keeps memory: from its deploy to the next one.
_LEAKS = "2.9.0"
_BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
#: Of requests, how many take so long: a part for each bound, and the rest.
_SHARES = (0.04, 0.17, 0.31, 0.24, 0.14, 0.07, 0.025, 0.004, 0.001)

_Kind = Literal["gauge", "counter"]
_METRICS: tuple[tuple[str, str, _Kind], ...] = (
    ("system.cpu.utilization", "1", "gauge"),
    ("system.memory.usage", "By", "gauge"),
    ("http.server.active_requests", "{request}", "gauge"),
    ("db.client.connection.count", "{connection}", "gauge"),
    ("shop.orders.placed", "{order}", "counter"),
)
_DURATION = "http.server.request.duration"


@dataclass(slots=True)
class Host:
    """A server with the time to which it has told. ``hotter`` is how much more it has to do."""

    name: str
    told_ms: int
    hotter: float = 1.0

    def export(self, rng: Random, span: Span, at_ms: int) -> bytes:
        """One body for ``POST /v1/metrics``: a point for each minute since the last, or rarer."""
        request = ExportMetricsServiceRequest()
        into = request.resource_metrics.add()
        put(into.resource.attributes, resource(self.name, release(API, span.share(at_ms))))
        within = into.scope_metrics.add()
        within.scope.name = "otelcol/hostmetricsreceiver"
        metrics = {name: within.metrics.add(name=name, unit=unit) for name, unit, _ in _METRICS}
        durations = within.metrics.add(name=_DURATION, unit="s")
        minutes = max(1, (at_ms - self.told_ms) // _MINUTE_MS)
        step = -(-minutes // MOST_POINTS)
        for back in range(minutes // step - 1, -1, -1):
            moment = at_ms - back * step * _MINUTE_MS
            values = self._values(rng, span, moment, step)
            for name, _, kind in _METRICS:
                _put_point(metrics[name], kind, moment, values[name])
            _put_durations(rng, durations, moment, self._busy(span, moment) * 20 * step)
        self.told_ms = at_ms
        return request.SerializeToString()

    def _busy(self, span: Span, at_ms: int) -> float:
        return self.hotter * traffic(span, at_ms) / _BUSY

    def _values(self, rng: Random, span: Span, at_ms: int, minutes: int) -> dict[str, float]:
        busy = self._busy(span, at_ms)
        return {
            "system.cpu.utilization": min(0.99, 0.06 + 0.45 * busy * rng.lognormvariate(0, 0.12)),
            "system.memory.usage": (1.3 + 0.4 * busy + 1.9 * leaked(span, at_ms)) * _GB,
            "http.server.active_requests": round(9 * busy * rng.lognormvariate(0, 0.3)),
            "db.client.connection.count": 2 + round(12 * busy * rng.lognormvariate(0, 0.15)),
            "shop.orders.placed": sum(rng.random() < 0.6 * busy for _ in range(2 * minutes)),
        }


def leaked(span: Span, at_ms: int) -> float:
    """How much of what the leaking release may keep it has kept at a moment, 0 to 1."""
    share = span.share(at_ms)
    if release(API, share) != _LEAKS:
        return 0.0
    since = next(at for at, name in RELEASES[API] if name == _LEAKS)
    until = min((at for at, _ in RELEASES[API] if at > since), default=1.0)
    return (share - since) / (until - since)


def _put_point(metric: Any, kind: _Kind, at_ms: int, value: float) -> None:
    if kind == "gauge":
        metric.gauge.data_points.add(as_double=value, time_unix_nano=at_ms * _NS)
        return
    metric.sum.is_monotonic, metric.sum.aggregation_temporality = True, _DELTA
    metric.sum.data_points.add(as_int=int(value), time_unix_nano=at_ms * _NS)


def _put_durations(rng: Random, metric: Any, at_ms: int, requests: float) -> None:
    metric.histogram.aggregation_temporality = _DELTA
    point = metric.histogram.data_points.add(explicit_bounds=_BOUNDS_S, time_unix_nano=at_ms * _NS)
    counts = [round(requests * share * rng.lognormvariate(0, 0.2)) for share in _SHARES]
    point.bucket_counts.extend(counts)
    point.count = sum(counts)
    uppers = (*_BOUNDS_S, 2 * _BOUNDS_S[-1])
    point.sum = sum(0.75 * upper * n for upper, n in zip(uppers, counts, strict=True))
