"""Arguments of what spans, metrics and sessions are asked by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import fields, validate

from app.api.arguments import Paged, Span, bad_argument
from app.api.endpoint import Arguments, Desk
from storage.sql.minutes import Span as Minutes

_NAME = 200
_MAX_DAYS = 400
_MAX_POINTS = 1_500
#: Steps of what is told over time, in minutes: those from 10 on are of whole slots of rollups.
_STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 180, 360, 720, 1_440, 10_080, 20_160)
_POINTS = 120
_DEFAULT_HOURS = 1


def _name() -> fields.String:
    return fields.String(load_default=None, validate=validate.Length(max=_NAME))


class Ranged(Span):
    """A project, which must be named, and a time: the last hour unless said otherwise."""

    environment = _name()


class OperationArguments(Ranged):
    """Which operations, and their order."""

    service = _name()
    category = _name()
    sort = fields.String(
        load_default="total",
        validate=validate.OneOf(["total", "count", "errors", "p95", "mean"]),
    )
    apdex_ms = fields.Float(load_default=500.0, validate=validate.Range(min=1, max=3_600_000))
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=500))


class SeriesArguments(Ranged):
    """What to draw over time. ``every`` is in minutes; left out, it follows from the time."""

    service = _name()
    category = _name()
    operation = _name()
    apdex_ms = fields.Float(load_default=500.0, validate=validate.Range(min=1, max=3_600_000))
    every = fields.Integer(load_default=None, validate=validate.Range(min=1, max=1_440))


class MetricArguments(Ranged):
    """A metric over time, by one label, of series with some labels: ``label=name:value``."""

    by = _name()
    label = _name()
    every = fields.Integer(load_default=None, validate=validate.Range(min=1, max=1_440))


class TransactionArguments(Paged, Span):
    """Which transactions: the newest, page by page, or the slowest of a time."""

    service = _name()
    name = _name()
    user = _name()
    failed = fields.Boolean(load_default=None)
    order = fields.String(load_default="newest", validate=validate.OneOf(["newest", "slowest"]))


class SpanArguments(Paged, Span):
    """Which spans: every condition must hold of the same one. ``attribute`` is ``name:value``."""

    service = _name()
    operation = _name()
    category = _name()
    status = fields.String(load_default=None, validate=validate.OneOf(["unset", "ok", "error"]))
    attribute = fields.String(load_default=None, validate=validate.Length(max=500))
    min_ms = fields.Float(load_default=None, validate=validate.Range(min=0))
    max_ms = fields.Float(load_default=None, validate=validate.Range(min=0))


class HealthArguments(Ranged):
    """Which releases; the last 14 days unless said otherwise."""

    version = _name()


class OneProject(Span):
    """A project."""


def project_of(desk: Desk, arguments: Arguments) -> int:
    """The project asked for; raises ``ApiError`` 400 where none is named."""
    number = desk.names.number(arguments["project"])
    if number is None:
        raise bad_argument("project", "name the project")
    return number


def time_of(
    desk: Desk, arguments: Arguments, default: timedelta = timedelta(hours=_DEFAULT_HOURS)
) -> tuple[datetime, datetime]:
    """The time asked for; raises ``ApiError`` 400 for one that is empty or too long."""
    now = datetime.fromtimestamp(desk.now_ms() / 1000, UTC)
    end: datetime = arguments["end"] or now
    start: datetime = arguments["start"] or end - default
    if start >= end:
        raise bad_argument("from", "must lie before to")
    if end - start > timedelta(days=_MAX_DAYS):
        raise bad_argument("from", f"at most {_MAX_DAYS} days can be asked for at once")
    return start, end


def minutes_of(desk: Desk, arguments: Arguments, *, whole: bool = False) -> Minutes:
    """The minutes asked for: as one sum, or in steps of which there are not too many."""
    start, end = time_of(desk, arguments)
    first, after = int(start.timestamp() // 60), int(-(-end.timestamp() // 60))
    if whole:
        # One bucket: all quotients are the same.
        return Minutes(first, after, 1 << 30)
    every: Any = arguments.get("every") or step_of(after - first, _POINTS)
    if (after - first) / every > _MAX_POINTS:
        raise bad_argument("every", f"that would be more than {_MAX_POINTS} points")
    return Minutes(first, after, every)


def step_of(minutes: float, points: int) -> int:
    """The steps in which so many minutes are told, of which there are not more than ``points``."""
    return next((step for step in _STEPS if minutes / step <= points), _STEPS[-1])


def labels_of(arguments: Arguments, **named: str) -> dict[str, str]:
    """Labels that series must have, by the arguments that name them."""
    found = {label: arguments.get(name) for label, name in named.items()}
    return {label: value for label, value in found.items() if value}
