"""A trace as a page shows it: spans as nested bars, logs, crashes, whose it is. Pure.

A page has room for some of the spans and says of how many. It is asked for from a place on, for all
that were read, or for one span: then for those around it, with all that is known of that one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from app.api.trace_reading import MAX_SHOWN, FoundTrace, Spans, notes_of
from app.dashboard import links
from app.dashboard.charts import Tone
from app.dashboard.folding import Node, fold
from app.dashboard.links import Named, ProjectName
from app.dashboard.room import Room
from events.otlp.attributes import moment_of
from events.spans import category_of
from events.telemetry import Log, Span
from events.trace import duration_ms, log_shown, span_shown
from events.waterfall import Placed, Waterfall
from storage.sql.events import StoredEvent
from storage.sql.traces import TraceCrash

#: What a page has room for.
SPANS, LOGS, CRASHES, USERS = 75, 20, 20, 20
#: Spans further down than so many levels stand no further to the right.
DEEPEST = 12
#: Units that a bar is drawn in; one that is short is so wide that it is seen.
WIDTH, LEAST_WIDTH = 1000, 3
_MS = 1_000_000
_NAME = 200
_DETAIL_NODES, _DETAIL_BYTES = 150, 9_000
_LOG_CHARS = 240
_TONES: dict[str, Tone] = {"error": "bad", "ok": "ok"}
_LOUD = ("error", "fatal")

Logged: TypeAlias = tuple[StoredEvent, Log]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which spans: from a place on, around the one of an id, or ``all`` that were read."""

    at: int = 0
    span: str = ""
    all: bool = False


@dataclass(frozen=True, slots=True)
class SpanRow:
    """A span at its ``place`` among all, ``level`` levels down, and its bar from ``x`` on so wide
    in thousandths of the trace. ``notes`` say what is odd about it. Times are null where it told
    none.
    """

    place: int
    id: str
    name: str
    level: int
    service: str
    category: str
    status: str
    tone: Tone
    offset_ms: float | None
    duration_ms: float | None
    x: int | None
    width: int
    notes: tuple[str, ...]
    project: str
    href: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class SpanDetail:
    """All that is known of one span, as JSON that folds; ``links`` lead to traces that it names."""

    row: SpanRow
    message: str
    node: Node
    event_href: str
    links: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class LogRow:
    """A line that was logged within the trace, ``offset_ms`` after its beginning."""

    at: datetime | None
    offset_ms: float | None
    level: str
    tone: Tone
    body: str
    span: str
    event_href: str


@dataclass(frozen=True, slots=True)
class CrashRow:
    """A crash that happened within the trace; ``span_href`` shows the span that it happened in."""

    title: str
    href: str
    project: str
    user: str
    user_href: str
    span_href: str


@dataclass(frozen=True, slots=True)
class UserRow:
    """Somebody whom the trace is about: all that is known of them, and their other traces."""

    user: str
    href: str
    traces_href: str


@dataclass(frozen=True, slots=True)
class Share:
    """A service's part of the trace: its spans, and those of them that failed."""

    service: str
    spans: int
    errors: int


@dataclass(frozen=True, slots=True)
class TraceView:
    """A trace. Of ``total`` spans ``known`` were placed, ``errors`` of which failed, and those from
    the place ``first`` on are here; ``earlier``, ``later`` and ``whole`` lead to the others.
    ``notes`` say what is left out, and what was put right. ``missing`` says why there are none.
    """

    title: str
    trace_id: str
    path: str
    started_at: datetime | None
    duration_ms: float | None
    total: int
    known: int
    errors: int
    first: int
    spans: tuple[SpanRow, ...]
    earlier: str | None
    later: str | None
    whole: str | None
    chosen: SpanDetail | None
    services: tuple[Share, ...]
    logs: tuple[LogRow, ...]
    log_count: int
    crashes: tuple[CrashRow, ...]
    crash_count: int
    users: tuple[UserRow, ...]
    notes: tuple[str, ...]
    missing: str = ""


def trace_view(
    project: Named, found: FoundTrace, read: Spans, wanted: Wanted, missing: str = ""
) -> TraceView:
    """The page of a trace from what was found and read of it."""
    made, logs = read.placed(), read.logged()
    path = links.trace(project, found.trace_id)
    first, after = _window(read, made, wanted)
    drawing = _Drawing(project, path, read, made, wanted.span)
    rows = [drawing.row(place) for place in range(first, after)]
    spans = [read.spans[one.at] for one in made.placed]
    chosen = next((row for row in rows if row.chosen), None)
    most_logs = MAX_SHOWN if wanted.all else LOGS
    return TraceView(
        title=_title(read, made, found),
        trace_id=found.trace_id,
        path=path,
        started_at=moment_of(made.start_ns),
        duration_ms=_between(made.start_ns, made.end_ns),
        total=made.total,
        known=len(made.placed),
        errors=sum(span.status == "error" for span in spans),
        first=first,
        spans=tuple(rows),
        earlier=links.with_query(path, {"at": max(0, first - SPANS) or None}) if first else None,
        later=links.with_query(path, {"at": after}) if after < len(made.placed) else None,
        whole=_whole(path, rows, made, logs),
        chosen=drawing.detail(chosen) if chosen else None,
        services=tuple(_shares(read, made)),
        logs=tuple(_log(made, *one) for one in _chosen(logs, most_logs)),
        log_count=len(read.logs),
        crashes=crash_rows(project, path, found.crashes[:CRASHES]),
        crash_count=len(found.crashes),
        users=tuple(_users(project, read, found.crashes)),
        notes=tuple(notes_of(read, made, len(logs))),
        missing=missing,
    )


class _Drawing:
    """Draws spans of a trace to one scale."""

    def __init__(
        self, project: Named, path: str, read: Spans, made: Waterfall, chosen: str
    ) -> None:
        self._project = project
        self._path = path
        self._read = read
        self._made = made
        self._chosen = chosen

    def row(self, place: int) -> SpanRow:
        """The span at a place."""
        one = self._made.placed[place]
        span, event = self._read.spans[one.at], self._read.events[one.at]
        x, width = self._bar(one)
        return SpanRow(
            place=place,
            id=span.span_id or "",
            name=span.name[:_NAME],
            level=one.depth,
            service=(self._read.services[one.at] or "")[:_NAME],
            category=category_of(span)[:_NAME],
            status=span.status,
            tone=_TONES.get(span.status, "plain"),
            offset_ms=_between(self._made.start_ns, one.start_ns),
            duration_ms=duration_ms(span),
            x=x,
            width=width,
            notes=tuple(_notes(one, span)),
            project=event.project if event.project_id != self._project.id else "",
            href=links.with_query(self._path, {"span": span.span_id}),
            chosen=bool(self._chosen) and span.span_id == self._chosen,
        )

    def detail(self, row: SpanRow) -> SpanDetail:
        """All of a span."""
        at = self._made.placed[row.place].at
        shown = span_shown(self._read.spans[at])
        told = {name: shown[name] for name in ("op", "kind", "segment", "parent_id")}
        whole = {name: value for name, value in told.items() if value not in (None, False)}
        for name in ("attributes", "events"):
            if shown[name]:
                whole[name] = shown[name]
        event = self._read.events[at]
        owner = ProjectName(event.project_id, event.project)
        return SpanDetail(
            row,
            shown["message"] or "",
            fold(whole, _DETAIL_NODES, room=Room(_DETAIL_BYTES)),
            links.occurrence(event.id),
            tuple(
                (one["trace_id"], links.trace(owner, one["trace_id"], span=one["span_id"]))
                for one in shown["links"][:LOGS]
            ),
        )

    def _bar(self, one: Placed) -> tuple[int | None, int]:
        start, end = self._made.start_ns, self._made.end_ns
        if one.start_ns is None or start is None or end is None:
            return None, 0
        whole = max(1, end - start)
        width = max(LEAST_WIDTH, round(WIDTH * one.duration_ns / whole))
        return min(WIDTH - LEAST_WIDTH, round(WIDTH * (one.start_ns - start) / whole)), width


def _window(read: Spans, made: Waterfall, wanted: Wanted) -> tuple[int, int]:
    """The places from which on, and before which, spans are shown."""
    count = len(made.placed)
    if wanted.all:
        return 0, count
    first = min(wanted.at, max(0, count - 1))
    if wanted.span:
        found = (n for n, one in enumerate(made.placed) if _is(read, one, wanted.span))
        first = max(0, next(found, 0) - SPANS // 4)
    return first, min(count, first + SPANS)


def _is(read: Spans, one: Placed, span_id: str) -> bool:
    return read.spans[one.at].span_id == span_id


def _whole(
    path: str, rows: Sequence[SpanRow], made: Waterfall, logs: Sequence[Logged]
) -> str | None:
    hidden = len(rows) < len(made.placed) or len(logs) > LOGS
    return links.with_query(path, {"show": "all"}) if hidden else None


def _title(read: Spans, made: Waterfall, found: FoundTrace) -> str:
    """What the first span without a parent is called, or the first that has none here."""
    first = min(made.placed[:MAX_SHOWN], key=lambda one: (one.depth, one.orphan), default=None)
    name = read.spans[first.at].name[:_NAME] if first else ""
    return name or f"Trace {found.trace_id}"


def _between(start: int | None, end: int | None) -> float | None:
    return None if start is None or end is None else (end - start) / _MS


def _notes(one: Placed, span: Span) -> Iterator[str]:
    if one.orphan:
        yield "its parent is not there"
    if one.skew_ms:
        yield "moved, as its clock is off"
    if one.ends_early:
        yield "ended before it began"
    if span.start_ns is None or span.end_ns is None:
        yield "without a time"


def _shares(read: Spans, made: Waterfall) -> Iterator[Share]:
    spans, errors = Counter[str](), Counter[str]()
    for one in made.placed:
        service = (read.services[one.at] or "without a name")[:_NAME]
        spans[service] += 1
        errors[service] += read.spans[one.at].status == "error"
    for service, count in spans.most_common(LOGS):
        yield Share(service, count, errors[service])


def _chosen(logs: Sequence[Logged], most: int) -> list[Logged]:
    """The first lines in the order of time; those of errors rather than others."""
    if len(logs) <= most:
        return list(logs)
    by_weight = sorted(range(len(logs)), key=lambda n: logs[n][1].level not in _LOUD)
    return [logs[n] for n in sorted(by_weight[:most])]


def _log(made: Waterfall, event: StoredEvent, log: Log) -> LogRow:
    shown = log_shown(log)
    return LogRow(
        moment_of(log.at_ns),
        _between(made.start_ns, log.at_ns),
        shown["level"],
        "bad" if log.level in _LOUD else "warn" if log.level == "warning" else "plain",
        shown["body"][:_LOG_CHARS],
        log.span_id or "",
        links.occurrence(event.id),
    )


def crash_rows(project: Named, path: str, crashes: Sequence[TraceCrash]) -> tuple[CrashRow, ...]:
    """Crashes of the trace whose page is at ``path``."""
    return tuple(_crash(project, path, one) for one in crashes)


def _crash(project: Named, path: str, crash: TraceCrash) -> CrashRow:
    words = [one for one in (crash.class_name, crash.message) if one]
    return CrashRow(
        ": ".join(words)[:_LOG_CHARS] or "crash",
        links.occurrence(crash.id),
        crash.project if crash.project_id != project.id else "",
        crash.user or "",
        links.user(ProjectName(crash.project_id, crash.project), crash.user) if crash.user else "",
        links.with_query(path, {"span": crash.span_id}) if crash.span_id else "",
    )


def _users(project: Named, read: Spans, crashes: Sequence[TraceCrash]) -> Iterator[UserRow]:
    named = dict.fromkeys([*read.users, *(one.user for one in crashes if one.user)])
    for user in list(named)[:USERS]:
        yield UserRow(user, links.user(project, user), links.traces(project, user=user))
