"""Spans, metric points and sessions in one shape, whichever protocol and SDK they came through.

One item of these types holds many of them: what an SDK sends at once is one event. A reader of a
protocol gives what was sent; :mod:`events.trace` and :mod:`events.metric` bound and judge it, so
readers neither cut nor repair. Times are whole nanoseconds since 1970, as the client's clock had
them; what could not be read is null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, NamedTuple
from uuid import UUID

from events.report import User

Attributes = Mapping[str, Any]
"""What a client says of a thing, by name: text, numbers, booleans, and lists or objects of them."""

_NONE: Attributes = MappingProxyType({})

SpanStatus = Literal["unset", "ok", "error"]

PointKind = Literal["counter", "gauge", "distribution"]
"""``counter``: amounts that add up. ``gauge``: what something is at a moment. ``distribution``:
single measurements, or a histogram of them.
"""

SessionStatus = Literal["ok", "exited", "errored", "crashed", "abnormal"]
"""``ok``: still open, no matter how many errors. ``abnormal``: it never ended as it should."""


class Origin(NamedTuple):
    """Who sends: the service (application) with its version, where it runs, and its SDK.

    ``attributes`` are what else is known of all that it sends: OpenTelemetry's resource.
    """

    service: str | None = None
    version: str | None = None
    environment: str | None = None
    host: str | None = None
    client_name: str | None = None
    client_version: str | None = None
    user: User = User()
    tags: Sequence[str] = ()
    attributes: Attributes = _NONE


class SpanEvent(NamedTuple):
    """Something that happened within a span."""

    name: str
    at_ns: int | None
    attributes: Attributes = _NONE


class Span(NamedTuple):
    """A timed operation. Ids are lower-case hexadecimal: 32 digits of a trace, 16 of a span.

    ``op`` is what kind of work it is, in the SDK's own words (``db.query``, ``http.server``); null
    where the protocol has none and ``attributes`` tell. ``kind`` is OpenTelemetry's: ``server``,
    ``client``, ``producer``, ``consumer``, ``internal``. A ``segment`` is the topmost span of its
    service in a trace: a transaction. ``end_ns`` may lie before ``start_ns``: clocks do that.
    """

    trace_id: str | None
    span_id: str | None
    parent_id: str | None
    name: str
    start_ns: int | None
    end_ns: int | None
    status: SpanStatus = "unset"
    segment: bool = False
    op: str | None = None
    kind: str | None = None
    message: str | None = None
    attributes: Attributes = _NONE
    events: Sequence[SpanEvent] = ()
    links: Sequence[tuple[str, str]] = ()


class Log(NamedTuple):
    """A line that an application logged. ``level`` is one of trace, debug, info, warning, error,
    fatal; ``trace_id`` and ``span_id`` say within what, where known.
    """

    at_ns: int | None
    level: str
    body: str
    trace_id: str | None = None
    span_id: str | None = None
    attributes: Attributes = _NONE


class TraceItem(NamedTuple):
    """An event of type ``trace``: spans and logs of one origin, of any number of traces.

    ``notes`` say, for a person, what of it could not be read. ``sdk_id`` is the id that the SDK
    gave to what it sent, if any.
    """

    occurred_at: datetime | None
    origin: Origin
    spans: Sequence[Span] = ()
    logs: Sequence[Log] = ()
    notes: Sequence[str] = ()
    sdk_id: UUID | None = None


class Point(NamedTuple):
    """A metric's value at a time, for one set of labels.

    ``values`` are (value, how many times): one pair for a counter's amount, a gauge's level or a
    single measurement; for a histogram a pair for each bucket that is not empty, with a value that
    stands for it. ``total``, ``least`` and ``most`` are the exact sum and ends where a histogram
    tells them. ``cumulative``: what is told is everything since the process (``instance``) started,
    not since the last point.
    """

    name: str
    kind: PointKind
    at_ns: int | None
    values: Sequence[tuple[float, float]]
    unit: str | None = None
    labels: Attributes = _NONE
    total: float | None = None
    least: float | None = None
    most: float | None = None
    cumulative: bool = False
    instance: str | None = None


class Session(NamedTuple):
    """What is known of one session of a release at ``at_ns``; later ones of its id replace it.

    ``id`` is the SDK's, ``sequence`` grows from one report of a session to the next and decides
    which is later; without one ``at_ns`` does. ``user`` tells users apart (:attr:`User.key`).
    """

    id: str
    started_ns: int | None
    at_ns: int | None
    status: SessionStatus
    errors: int = 0
    sequence: int | None = None
    user: str | None = None
    duration_s: float | None = None


class SessionCounts(NamedTuple):
    """Sessions of a release that began in the same minute, counted by the client: each is in one
    of the counts. ``exited`` ended well without an error.
    """

    started_ns: int | None
    user: str | None = None
    exited: int = 0
    errored: int = 0
    crashed: int = 0
    abnormal: int = 0


class Loss(NamedTuple):
    """Items of a category that a client could not send. ``event_type`` is what they would have
    become, null for a category that is not known.
    """

    event_type: str | None
    category: str
    reason: str
    items: int


class MetricItem(NamedTuple):
    """An event of type ``metric``: points, and sessions for release health, of one origin.

    ``losses`` are what the client says that it could not send.

    ``notes`` say, for a person, what of it could not be read.
    """

    occurred_at: datetime | None
    origin: Origin
    points: Sequence[Point] = ()
    sessions: Sequence[Session] = ()
    session_counts: Sequence[SessionCounts] = ()
    notes: Sequence[str] = ()
    losses: Sequence[Loss] = ()
