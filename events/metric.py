"""The event type ``metric``: points of metrics, and sessions of releases, sent together.

SQL adds points up by series and minute, and keeps sessions for release health; search finds the
events by what they are about. A point that is no number is left out alone, and said.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

import orjson

from events.envelope import Envelope
from events.ids import id_ms
from events.moment import iso
from events.origin import COLUMNS as ORIGIN_COLUMNS
from events.origin import minute_of, origin_document, origin_picture, origin_row, origin_shown
from events.otlp import metrics
from events.otlp.attributes import moment_of
from events.plain import PICTURE, plain
from events.record import Column, Malformed, Record
from events.sentry.metrics import read_check_in, read_client_report, read_metrics
from events.sentry.sessions import read_session, read_sessions
from events.series import (
    AMOUNT,
    CORRECTION,
    CUMULATIVE,
    EXTREME,
    MEASURED,
    OTHER,
    Entries,
    Series,
    labels_of,
    series,
)
from events.series import COLUMNS as SERIES_COLUMNS
from events.telemetry import MetricItem, Origin, Point, Session, SessionCounts
from events.text import as_text, clip

COLUMNS = (
    *ORIGIN_COLUMNS,
    Column("points", "int4"),
    Column("sessions", "jsonb"),
    *SERIES_COLUMNS,
)

#: Tables that SQL derives from the rows of this type, partitioned by day as they are.
DERIVED = ("metric_minutes", "metric_sessions", "metric_rollups")

CANARY_PROTOCOL = "otlp.metrics.json"
CANARY_BODY = (
    b'{"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "canary", "gauge":'
    b' {"dataPoints": [{"asDouble": 1}]}}]}]}]}'
)

#: Points and sessions of one event that are counted; and entries that its points may make.
MAX_POINTS = 5_000
MAX_SESSIONS = 5_000
MAX_ENTRIES = 20_000

_TYPE = "metric"
_NAME = 200
_LABEL = 100
_LABELS = 20
_LARGEST = 1e100
"""Beyond this a value is no measurement, and sums of a few could not be kept."""

_READERS: dict[str, Callable[[bytes], MetricItem]] = {
    "otlp.metrics.proto": metrics.read_proto,
    "otlp.metrics.json": metrics.read_json,
    "sentry.trace_metric": read_metrics,
    "sentry.session": read_session,
    "sentry.sessions": read_sessions,
    "sentry.check_in": read_check_in,
    "sentry.client_report": read_client_report,
}


def normalise(envelope: Envelope) -> Record:
    """The record of an event of metrics; pure. Raises :class:`Malformed`."""
    item = read_metric(envelope)
    received_ms = id_ms(envelope.id)
    entries = entries_of(item, received_ms // 60_000)
    sessions = list(_sessions(item, received_ms / 1000))
    row = (
        *origin_row(item.origin),
        len(item.points),
        orjson.dumps(sessions).decode() if sessions else None,
        *entries.row(),
    )
    return Record(
        id=envelope.id,
        project_id=envelope.project_id,
        occurred_at=item.occurred_at,
        user_key=_user(item),
        row=row,
        document=lambda: _document(item),
        redacted=envelope.redacted,
        series=entries.named,
        lost=_lost(item),
    )


def picture(envelope: Envelope) -> dict[str, Any]:
    """The full picture of the event; raises :class:`Malformed`. What crashes have is null."""
    item = read_metric(envelope)
    return {
        **origin_picture(item.origin, item.origin.user, item.occurred_at),
        "metric": {
            **origin_shown(item.origin),
            "points": [_point_shown(point) for point in item.points],
            "sessions": [_session_shown(session) for session in item.sessions],
            "session_counts": [_counts_shown(counts) for counts in item.session_counts],
            "notes": [*item.notes, *_notes(item)],
        },
    }


def read_metric(envelope: Envelope) -> MetricItem:
    """What was sent, in the shape of all protocols; raises :class:`Malformed`."""
    reader = _READERS.get(envelope.protocol)
    if reader is None:
        raise Malformed("unknown_protocol", f"No metrics are sent by {envelope.protocol!r}.")
    return reader(envelope.body)


def entries_of(item: MetricItem, received: int) -> Entries:
    """What the points add to their series; ``received`` is the minute of arrival."""
    entries = Entries()
    for point, minute in _counted(item, received):
        if len(entries.keys) + len(point.values) + 3 > MAX_ENTRIES:
            break
        _add(entries, series_of(point, item.origin), point, minute)
    return entries


def series_of(point: Point, origin: Origin) -> Series:
    """The series of a point. A level is one of its host, and what accumulates of its process."""
    labels = tuple(list(point.labels.items())[:_LABELS])
    parts = (
        *(point.name, point.kind, point.unit, point.cumulative, origin.service),
        *(origin.environment, origin.host if point.kind == "gauge" else None),
        point.instance if point.cumulative else None,
    )
    try:
        return _known_series(parts, labels)
    except TypeError:  # a label that is a list or an object cannot be remembered
        return _make_series(parts, labels)


def _make_series(parts: tuple[Any, ...], given: tuple[tuple[str, Any], ...]) -> Series:
    name, kind, unit, cumulative, *own = parts
    labels = {
        clip(label, _LABEL): as_text(_plain_label(value), _NAME) for label, value in given if label
    }
    for label, value in zip(("service", "environment", "host", "instance"), own, strict=True):
        labels[label] = value and clip(value, _NAME)
    name = clip(name, _NAME) or "(unnamed)"
    unit = unit and clip(unit, _LABEL)
    rest = series(name, kind, unit, ((OTHER, "true"),), cumulative=cumulative)
    known = labels_of(labels.items())
    return series(name, kind, unit, known, cumulative=cumulative, rest=rest)


_known_series = lru_cache(maxsize=8192, typed=True)(_make_series)


def _plain_label(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str | int | float) or value is None else str(value)


def _counted(item: MetricItem, received: int) -> Iterator[tuple[Point, int]]:
    """Points that can be counted, with their minute. Of what accumulates, the latest of a minute
    tells all.
    """
    latest: dict[tuple[int, int], Point] = {}
    for point in item.points[:MAX_POINTS]:
        if not is_counted(point):
            continue
        minute = minute_of(point.at_ns, received)
        if point.cumulative:
            key = series_of(point, item.origin).key, minute
            known = latest.get(key)
            if known is None or (point.at_ns or 0) >= (known.at_ns or 0):
                latest[key] = point
        else:
            yield point, minute
    for (_, minute), point in latest.items():
        yield point, minute


def is_counted(point: Point) -> bool:
    """Whether a point holds numbers that can be added up."""
    for number in (point.total, point.least, point.most):
        if number is not None and not abs(number) <= _LARGEST:  # which NaN is not either
            return False
    return all(abs(value) <= _LARGEST and 0 <= count <= _LARGEST for value, count in point.values)


def _add(entries: Entries, counted_as: Series, point: Point, minute: int) -> None:
    more = CUMULATIVE if point.cumulative else 0
    kind = AMOUNT if point.kind == "counter" else MEASURED
    for value, count in point.values:
        entries.add(counted_as, minute, value, count, kind + more)
    if point.total is not None:
        estimate = math.fsum(value * count for value, count in point.values)
        if point.total != estimate:
            entries.add(counted_as, minute, point.total - estimate, 0, CORRECTION + more)
    for end in (point.least, point.most):
        if end is not None and point.values:
            entries.add(counted_as, minute, end, 0, EXTREME + more)


def _sessions(item: MetricItem, received: float) -> Iterator[dict[str, Any]]:
    """Sessions as SQL takes them; times in seconds since 1970."""
    for session in item.sessions[:MAX_SESSIONS]:
        at = _seconds(session.at_ns, received)
        yield {
            "id": clip(session.id, _NAME),
            "started": _seconds(session.started_ns, at),
            "sequence": float(session.sequence if session.sequence is not None else at * 1000),
            "status": session.status,
            "errors": max(0, min(session.errors, 2**31 - 1)),
            "sessions": 1,
            "user_key": session.user and clip(session.user, _NAME),
        }
    for counts in item.session_counts[:MAX_SESSIONS]:
        for status, number in _by_status(counts):
            yield {
                "id": None,
                "started": _seconds(counts.started_ns, received),
                "sequence": 0.0,
                "status": status,
                "errors": 0,
                "sessions": number,
                "user_key": counts.user and clip(counts.user, _NAME),
            }


def _by_status(counts: SessionCounts) -> Iterable[tuple[str, int]]:
    told = {
        "exited": counts.exited,
        "errored": counts.errored,
        "crashed": counts.crashed,
        "abnormal": counts.abnormal,
    }
    return ((status, min(number, 2**53)) for status, number in told.items() if number > 0)


def _seconds(at_ns: int | None, otherwise: float) -> float:
    """A client's time, in the years that SQL and people know; else another."""
    moment = moment_of(at_ns)
    return moment.timestamp() if moment is not None else otherwise


def _lost(item: MetricItem) -> dict[str, int]:
    """What a client could not send, by type; what it names otherwise counts under this type."""
    lost: dict[str, int] = {}
    for loss in item.losses:
        name = loss.event_type or _TYPE
        lost[name] = lost.get(name, 0) + loss.items
    return lost


def _user(item: MetricItem) -> str | None:
    if item.origin.user.key:
        return item.origin.user.key
    return next((session.user for session in item.sessions if session.user), None)


def _notes(item: MetricItem) -> list[str]:
    uncounted = sum(not is_counted(point) for point in item.points)
    notes = []
    if uncounted:
        notes.append(f"{uncounted} points are no numbers that add up, and are not counted")
    if len(item.points) > MAX_POINTS:
        notes.append(f"only the first {MAX_POINTS} of {len(item.points)} points are counted")
    if len(item.sessions) > MAX_SESSIONS:
        notes.append(f"only the first {MAX_SESSIONS} of {len(item.sessions)} sessions are counted")
    return notes


def _document(item: MetricItem) -> dict[str, Any]:
    names = dict.fromkeys(clip(point.name, _NAME) for point in item.points[:MAX_POINTS])
    return {
        **origin_document(item.origin, item.origin.user),
        "metrics": [name for name in names if name],
        "sessions": [clip(session.id, _NAME) for session in item.sessions[:MAX_SESSIONS]],
    }


def _point_shown(point: Point) -> dict[str, Any]:
    shown = point._asdict()
    shown["at"] = iso(moment_of(shown.pop("at_ns")))
    shown["values"] = [list(pair) for pair in point.values]
    shown["labels"] = dict(point.labels)
    plainly: dict[str, Any] = plain(shown, PICTURE)
    return plainly


def _session_shown(session: Session) -> dict[str, Any]:
    shown = session._asdict()
    shown["started_at"] = iso(moment_of(shown.pop("started_ns")))
    shown["at"] = iso(moment_of(shown.pop("at_ns")))
    plainly: dict[str, Any] = plain(shown, PICTURE)
    return plainly


def _counts_shown(counts: SessionCounts) -> dict[str, Any]:
    shown = counts._asdict()
    shown["started_at"] = iso(moment_of(shown.pop("started_ns")))
    plainly: dict[str, Any] = plain(shown, PICTURE)
    return plainly
