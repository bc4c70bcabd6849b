"""Metric points of OTLP, read into the shape that all protocols share.

A histogram's bucket becomes its middle and its count, in the order of the buckets; sum, least and
most are kept as they are told. A summary has quantiles that nothing can be added to: its count and
sum are kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from events.otlp.attributes import attributes_of, first_text, moment_of, origin_of
from events.otlp.messages import METRICS, Opened, open_body
from events.otlp.traces import unread_note
from events.telemetry import Attributes, MetricItem, Origin, Point

_CUMULATIVE = 2
_NO_RECORDED_VALUE = 1
_INSTANCE = ("service.instance.id", "host.name", "k8s.pod.name", "container.id")
#: An exponential histogram may claim bins of any width; beyond this a value is no number.
_MAX_EXPONENT = 1_000.0


def read_proto(body: bytes) -> MetricItem:
    """The points of a protobuf request; raises :class:`events.record.Malformed`."""
    return read(open_body(METRICS, "proto", body))


def read_json(body: bytes) -> MetricItem:
    """The points of a JSON request; raises :class:`events.record.Malformed`."""
    return read(open_body(METRICS, "json", body))


def read(opened: Opened) -> MetricItem:
    """The points of a request of one resource. Of several the first is the origin."""
    points: list[Point] = []
    origin = Origin()
    for resource_metrics in reversed(opened.request.resource_metrics):
        resource = attributes_of(resource_metrics.resource.attributes)
        origin = origin_of(resource)
        instance = _instance(resource)
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                points += _points(metric, instance)
    return MetricItem(
        moment_of(max((point.at_ns for point in points if point.at_ns), default=None)),
        origin,
        points,
        notes=unread_note(opened, "metrics"),
    )


def _instance(resource: Attributes) -> str | None:
    """The process that counts: what accumulates in one is no part of what does in another."""
    name = first_text(resource, _INSTANCE)
    pid = first_text(resource, ("process.pid",))
    return " ".join(part for part in (name, pid) if part) or None


def _points(metric: Any, instance: str | None) -> Iterator[Point]:
    kind = metric.WhichOneof("data")
    if kind is None:
        return
    data = getattr(metric, kind)
    # What a summary counts, it counts since the process started.
    cumulative = kind == "summary" or getattr(data, "aggregation_temporality", 0) == _CUMULATIVE
    for point in data.data_points:
        if point.flags & _NO_RECORDED_VALUE:
            continue
        read = _READERS[kind](metric, data, point)
        yield read._replace(
            cumulative=cumulative and read.kind != "gauge",
            instance=instance if cumulative and read.kind != "gauge" else None,
        )


def _number(metric: Any, data: Any, point: Any) -> Point:
    """A sum or a gauge. A sum that may fall is told as a level, which is what it is."""
    which = point.WhichOneof("value")
    value = float(getattr(point, which)) if which else math.nan
    rises = getattr(data, "is_monotonic", False)
    delta = getattr(data, "aggregation_temporality", 0) not in (0, _CUMULATIVE)
    return Point(
        metric.name,
        "counter" if rises or delta else "gauge",
        point.time_unix_nano or None,
        ((value, 1.0),),
        metric.unit or None,
        attributes_of(point.attributes),
    )


def _histogram(metric: Any, data: Any, point: Any) -> Point:  # noqa: ARG001 - as its like
    least = point.min if point.HasField("min") else None
    most = point.max if point.HasField("max") else None
    counts = point.bucket_counts
    if counts:
        bounds = list(point.explicit_bounds)
        values = [
            (_middle(bounds, at, least, most), float(count))
            for at, count in enumerate(counts)
            if count
        ]
    else:
        values = _whole(point)
    return _distribution(metric, point, values, least, most)


def _middle(bounds: list[float], at: int, least: float | None, most: float | None) -> float:
    """The value that stands for a bucket: its middle, within the ends that are known."""
    lower = next((bound for bound in reversed(bounds[:at]) if math.isfinite(bound)), None)
    upper = bounds[at] if at < len(bounds) and math.isfinite(bounds[at]) else None
    if lower is None:
        lower = least if least is not None else min(0.0, upper if upper is not None else 0.0)
    if upper is None:
        upper = most if most is not None else lower
    value = (lower + upper) / 2
    if least is not None:
        value = max(value, least)
    return min(value, most) if most is not None else value


def _exponential(metric: Any, data: Any, point: Any) -> Point:  # noqa: ARG001 - as its like
    """Bucket ``i`` holds what is above ``base**i`` and at most ``base**(i+1)``; base is
    ``2**(2**-scale)``.
    """
    width = math.ldexp(1.0, -max(min(point.scale, 60), -20))
    values: list[tuple[float, float]] = []
    negative, positive = point.negative, point.positive
    for at in range(len(negative.bucket_counts) - 1, -1, -1):
        _add_bin(values, -1.0, width * (negative.offset + at + 0.5), negative.bucket_counts[at])
    if point.zero_count:
        values.append((0.0, float(point.zero_count)))
    for at, count in enumerate(positive.bucket_counts):
        _add_bin(values, 1.0, width * (positive.offset + at + 0.5), count)
    least = point.min if point.HasField("min") else None
    most = point.max if point.HasField("max") else None
    return _distribution(metric, point, values, least, most)


def _add_bin(values: list[tuple[float, float]], sign: float, exponent: float, count: int) -> None:
    if count and abs(exponent) < _MAX_EXPONENT:
        values.append((sign * 2.0**exponent, float(count)))


def _summary(metric: Any, data: Any, point: Any) -> Point:  # noqa: ARG001 - as its like
    return _distribution(metric, point, _whole(point), None, None)


def _whole(point: Any) -> list[tuple[float, float]]:
    """All measurements as their mean, where nothing tells them apart."""
    return [(point.sum / point.count, float(point.count))] if point.count else []


def _distribution(
    metric: Any,
    point: Any,
    values: list[tuple[float, float]],
    least: float | None,
    most: float | None,
) -> Point:
    return Point(
        metric.name,
        "distribution",
        point.time_unix_nano or None,
        values,
        metric.unit or None,
        attributes_of(point.attributes),
        float(point.sum),
        least,
        most,
    )


_READERS = {
    "sum": _number,
    "gauge": _number,
    "histogram": _histogram,
    "exponential_histogram": _exponential,
    "summary": _summary,
}
