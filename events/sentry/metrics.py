"""What Sentry's SDKs measure and count, read into the shape of all protocols: metrics, check-ins of
jobs that run by the clock, and reports of what an SDK could not send.
"""

from __future__ import annotations

from typing import Any

from events.fields import integer, listed, members, real
from events.moment import read_moment
from events.otlp.attributes import moment_of
from events.parse import load_object
from events.sentry.categories import type_of
from events.sentry.containers import at_of, attributes_in, earliest, open_container
from events.sentry.origin import origin_in, own, read_origin
from events.sentry.times import nanoseconds
from events.telemetry import Attributes, Loss, MetricItem, Origin, Point, PointKind
from events.text import as_text

CHECK_INS, CHECK_IN_SECONDS, LOST = "monitor.check_ins", "monitor.duration", "client.lost"
"""Metrics that are made of items other than metrics."""

_SHORT = 1_000
_WORD = 100
_KINDS: dict[str, PointKind] = {
    "counter": "counter",
    "gauge": "gauge",
    "distribution": "distribution",
}
#: Attributes that are no labels: who sends is the origin's, and whom it is about would make a
#: series of every user.
_NOT_LABELS = ("sentry.", "process.", "user.", "user_agent.")

MAX_REASONS = 1_000
MOST_LOST = 1_000_000_000
"""Entries that are read of a report, and items that one of them may tell of."""


def read_metrics(body: bytes) -> MetricItem:
    """An item ``trace_metric``; raises :class:`events.record.Malformed`."""
    items, notes = open_container(body)
    known = [(item, attributes_in(item)) for item in items]
    points = [point for item, attributes in known if (point := _point(item, attributes))]
    if len(points) < len(items):
        notes = (*notes, f"{len(items) - len(points)} metrics have no number or no known type")
    return MetricItem(
        moment_of(earliest(point.at_ns for point in points)),
        origin_in(attributes for _, attributes in known),
        points,
        notes=notes,
    )


def _point(item: dict[str, Any], attributes: Attributes) -> Point | None:
    kind = _KINDS.get(item["type"]) if isinstance(item.get("type"), str) else None
    value = real(item.get("value"))
    if kind is None or value is None:
        return None
    return Point(
        as_text(item.get("name"), _SHORT) or "",
        kind,
        at_of(item),
        [(value, 1)],
        unit=as_text(item.get("unit"), _SHORT),
        labels={
            name: one for name, one in own(attributes).items() if not name.startswith(_NOT_LABELS)
        },
    )


def read_check_in(body: bytes) -> MetricItem:
    """An item ``check_in``: that a job began or ended, and how long it took."""
    fields = load_object(body)
    at_ns = nanoseconds(fields.get("timestamp"))
    labels = {
        "monitor": as_text(fields.get("monitor_slug"), _SHORT) or "",
        "status": as_text(fields.get("status"), _SHORT) or "unknown",
    }
    points = [Point(CHECK_INS, "counter", at_ns, [(1, 1)], labels=labels)]
    seconds = real(fields.get("duration"))
    if seconds is not None:
        points.append(
            Point(CHECK_IN_SECONDS, "distribution", at_ns, [(seconds, 1)], "second", labels)
        )
    return MetricItem(read_moment(fields.get("timestamp")), read_origin(fields), points)


def read_client_report(body: bytes) -> MetricItem:
    """An item ``client_report``: what the SDK dropped, by category and reason."""
    fields = load_object(body)
    at_ns = nanoseconds(fields.get("timestamp"))
    losses = [
        loss for loss in map(_loss, listed(fields.get("discarded_events"))[:MAX_REASONS]) if loss
    ]
    points = [
        Point(
            LOST,
            "counter",
            at_ns,
            [(loss.items, 1)],
            labels={"category": loss.category, "reason": loss.reason},
        )
        for loss in losses
    ]
    return MetricItem(read_moment(fields.get("timestamp")), Origin(), points, losses=losses)


def _loss(entry: Any) -> Loss | None:
    items = integer(members(entry).get("quantity")) or 0
    if items <= 0:
        return None
    category = as_text(members(entry).get("category"), _WORD) or "unknown"
    reason = as_text(members(entry).get("reason"), _WORD) or "unknown"
    return Loss(type_of(category), category, reason, min(items, MOST_LOST))
