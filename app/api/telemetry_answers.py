"""Shapes of answers about spans, metrics and sessions."""

from __future__ import annotations

from typing import Any

from marshmallow import INCLUDE, Schema, fields

from app.api.answers import Time, nullable


class WorkTold(Schema):
    """What was done, and how fast; durations in milliseconds, quantiles within 1 %."""

    count = fields.Integer(required=True)
    errors = fields.Integer(required=True)
    error_share = nullable(fields.Float, required=True)
    per_minute = fields.Float(required=True)
    total_ms = fields.Float(required=True)
    mean_ms = nullable(fields.Float, required=True)
    p50_ms = nullable(fields.Float, required=True)
    p95_ms = nullable(fields.Float, required=True)
    p99_ms = nullable(fields.Float, required=True)
    most_ms = nullable(fields.Float, required=True)
    apdex = nullable(fields.Float, required=True)


class Service(WorkTold):
    """A service, by what entered it."""

    service = nullable(fields.String, required=True)
    environment = nullable(fields.String, required=True)


class Operation(WorkTold):
    """An operation; ``time_share`` is its share of all time spent."""

    operation = nullable(fields.String, required=True)
    service = nullable(fields.String, required=True)
    category = nullable(fields.String, required=True)
    time_share = nullable(fields.Float, required=True)


class WorkAt(WorkTold):
    """A point in time."""

    at = Time(required=True)


class Limits(Schema):
    """How often a series was one too many, and counted as "other"."""

    times = fields.Integer(required=True)
    last_at = nullable(Time, required=True)


class WorkSeries(Schema):
    """Points over time."""

    project = nullable(fields.String, required=True)
    every_minutes = fields.Integer(required=True)
    points = fields.List(fields.Nested(WorkAt), required=True)
    limited = fields.Nested(Limits, required=True)


class Transaction(Schema):
    """The topmost span of a service in a trace."""

    event_id = fields.UUID(required=True)
    project = fields.String(required=True)
    trace_id = fields.String(required=True)
    span_id = fields.String(required=True)
    service = nullable(fields.String, required=True)
    environment = nullable(fields.String, required=True)
    version = nullable(fields.String, required=True)
    name = nullable(fields.String, required=True)
    category = nullable(fields.String, required=True)
    started_at = nullable(Time, required=True)
    duration_ms = nullable(fields.Float, required=True)
    failed = fields.Boolean(required=True)
    user = nullable(fields.String, required=True)


class SpanHit(Schema):
    """A span that a search found, and the event it came in."""

    class Meta:
        """Further keys are allowed."""

        unknown = INCLUDE

    event_id = fields.UUID(required=True)
    project = nullable(fields.String, required=True)
    service = nullable(fields.String, required=True)
    trace_id = nullable(fields.String, required=True)
    span_id = nullable(fields.String, required=True)
    operation = nullable(fields.String, required=True)
    category = nullable(fields.String, required=True)
    status = nullable(fields.String, required=True)
    duration_ms = nullable(fields.Float, required=True)


class PlacedSpan(Schema):
    """A span at its place in a trace: ``offset_ms`` after its beginning, ``depth`` levels down."""

    class Meta:
        """Further keys are allowed."""

        unknown = INCLUDE

    depth = fields.Integer(required=True)
    offset_ms = nullable(fields.Float, required=True)
    duration_ms = nullable(fields.Float, required=True)
    skew_ms = fields.Float(required=True)
    orphan = fields.Boolean(required=True)
    ended_early = fields.Boolean(required=True)
    event_id = fields.UUID(required=True)
    project = fields.String(required=True)
    service = nullable(fields.String, required=True)


class Trace(Schema):
    """A trace: its spans depth first, what was logged in it, and the crashes that happened."""

    trace_id = fields.String(required=True)
    started_at = nullable(Time, required=True)
    duration_ms = nullable(fields.Float, required=True)
    span_count = fields.Integer(required=True)
    spans = fields.List(fields.Nested(PlacedSpan), required=True)
    logs = fields.List(fields.Dict(), required=True)
    crashes = fields.List(fields.Dict(), required=True)
    users = fields.List(fields.String(), required=True)
    notes = fields.List(fields.String(), required=True)


class Metric(Schema):
    """A name under which something is measured."""

    name = fields.String(required=True)
    kind = fields.String(required=True)
    unit = nullable(fields.String, required=True)
    cumulative = fields.Boolean(required=True)
    series = fields.Integer(required=True)


class Metrics(Schema):
    """All that is measured."""

    items = fields.List(fields.Nested(Metric), required=True)
    labels = fields.Dict(required=True)
    limited = fields.Nested(Limits, required=True)
    next_cursor = nullable(fields.String, required=True)


class MetricSeries(Schema):
    """A metric over time: for each value of the label asked by, points."""

    name = fields.String(required=True)
    every_minutes = fields.Integer(required=True)
    series = fields.List(fields.Dict(), required=True)
    labels = fields.Dict(required=True)
    limited = fields.Nested(Limits, required=True)


class Host(Schema):
    """A host, and the levels that it last told of."""

    host = fields.String(required=True)
    services = fields.List(fields.String(), required=True)
    last_at = Time(required=True)
    levels = fields.List(fields.Dict(), required=True)


class ReleaseHealth(Schema):
    """Sessions and users of a version, on a day or over all days asked for (``day`` null)."""

    version = nullable(fields.String, required=True)
    day = nullable(fields.Date, required=True)
    sessions = fields.Integer(required=True)
    crashed = fields.Integer(required=True)
    abnormal = fields.Integer(required=True)
    errored = fields.Integer(required=True)
    users = fields.Integer(required=True)
    crashed_users = fields.Integer(required=True)
    crash_free_sessions = nullable(fields.Float, required=True)
    crash_free_users = nullable(fields.Float, required=True)


class Releases(Schema):
    """Release health; ``source`` says whose sessions: an SDK's own, or those of real users."""

    source = fields.String(required=True)
    items: Any = fields.List(fields.Nested(ReleaseHealth), required=True)
    next_cursor = nullable(fields.String, required=True)
