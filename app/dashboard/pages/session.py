"""A session: what one visitor did, step by step, and where it crashed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from marshmallow import Schema, fields, validate

from app.api.sessions import find_session
from app.dashboard import links
from app.dashboard.charts import Tone
from app.dashboard.links import ProjectName
from app.dashboard.page import Page, Visit
from app.dashboard.vitals import LABELS, cell, measured
from storage.session import Entry, Session, Step, timeline
from storage.sql.projects import Project
from workbench.people import link_of_crash

MOST_INSIDE = 40
#: What a server did for a session may be told of before and after what the browser tells.
_AROUND = timedelta(minutes=5)
_KINDS = {
    "session_start": "session begins",
    "session_end": "session ends",
    "page": "page",
    "virtual_page": "page, by script",
    "view": "view",
    "xhr": "request",
    "network": "request",
    "custom": "timing",
    "vital": "vital",
    "asset": "file",
}


class SessionArguments(Schema):
    """Of which project, where several have a session of this id."""

    project = fields.String(load_default=None, validate=validate.Length(max=200))


@dataclass(frozen=True, slots=True)
class Measure:
    """A vital of a view."""

    label: str
    shown: str
    tone: Tone
    word: str


@dataclass(frozen=True, slots=True)
class InsideRow:
    """What happened within a view: a request, a file, a timing."""

    kind: str
    name: str
    took: str
    status: int | None


@dataclass(frozen=True, slots=True)
class StepRow:
    """A line of the timeline, ``after`` so many seconds from the beginning. A crash has ``title``
    and ``linked_by``: how it is known to be the session's.
    """

    at: datetime
    after: float
    what: str
    tone: Tone
    path: str | None
    took: str
    href: str | None
    title: str | None
    linked_by: str | None
    pause_seconds: float | None
    vitals: tuple[Measure, ...]
    inside: tuple[InsideRow, ...]
    hidden: int


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session. ``crashes_known`` is false where they could not be looked for, ``more`` true where
    it has more steps than are shown. ``traces_href`` leads to what servers did for its user
    meanwhile.
    """

    title: str
    id: str
    project: ProjectName
    user: str | None
    user_href: str | None
    names: tuple[tuple[str, str], ...]
    about: tuple[tuple[str, str], ...]
    started_at: datetime
    lasted_seconds: float
    has_start: bool
    clock_skew_seconds: float | None
    views: int
    crashes: int | None
    more: bool
    crashes_known: bool
    steps: tuple[StepRow, ...]
    traces_href: str | None


def session(visit: Visit) -> SessionView:
    """The session that the path names; raises ``ApiError`` 404, 409 and ``StoreDown``."""
    name = links.unsegmented(visit.arguments["session"])
    project, found = find_session(visit.desk, name, visit.arguments["project"])
    visit.require(project.id, "session")
    if found.crashes is None:
        visit.gaps.note("crashes of the session", "search", "it did not find them in time.")
    return session_view(project, found)


def session_view(project: Project, found: Session) -> SessionView:
    """A session as a page shows it; pure."""
    about, skew = found.attributes, found.clock_skew
    entries = timeline(found.steps, found.crashes or [])
    shown = ("version", "browser", "os", "device", "country")
    return SessionView(
        f"Session of {about.user_key or 'somebody'}",
        found.session_id,
        ProjectName(project.id, project.name),
        about.user_key,
        links.user(project, about.user_key) if about.user_key else None,
        tuple(about.user.items()),
        tuple((name, value) for name in shown if (value := getattr(about, name))),
        found.started_at,
        max(0.0, (found.ended_at - found.started_at).total_seconds()),
        found.has_start,
        None if skew is None else skew.total_seconds(),
        sum(entry.step is not None and entry.step.kind in _VIEWS for entry in entries),
        None if found.crashes is None else len(found.crashes),
        found.more,
        found.crashes is not None,
        tuple(_row(found, entry) for entry in entries),
        _traces(project, found),
    )


def _traces(project: Project, found: Session) -> str | None:
    """The transactions of its user while it lasted; null for somebody without a name."""
    user = found.attributes.user_key
    if not user:
        return None
    start, end = found.started_at - _AROUND, found.ended_at + _AROUND
    times = {"from": start.isoformat(timespec="seconds"), "to": end.isoformat(timespec="seconds")}
    return links.traces(project, user=user, **times)


_VIEWS = ("page", "virtual_page", "view")


def _row(session: Session, entry: Entry) -> StepRow:
    step, crash = entry.step, entry.crash
    inside = [row for one in _with(step, entry.inside) for row in _inside(one)]
    vitals = tuple(
        Measure(LABELS[name][0], one.shown, one.tone, one.word)
        for name in entry.vitals
        if name in LABELS and (one := cell(name, entry.vitals))
    )
    return StepRow(
        at=entry.at,
        after=(entry.at - session.started_at).total_seconds(),
        what="crash" if crash else _KINDS.get(step.kind, step.kind) if step else "",
        tone="bad" if crash else "plain",
        path=step.path if step else None,
        took=measured("load", step.duration_ms) if step and step.duration_ms is not None else "",
        href=links.occurrence(crash.event_id if crash else step.event_id if step else ""),
        title=crash.title if crash else None,
        linked_by=link_of_crash(crash, session) if crash else None,
        pause_seconds=entry.pause.total_seconds() if entry.pause else None,
        vitals=vitals,
        inside=tuple(inside[:MOST_INSIDE]),
        hidden=max(0, len(inside) - MOST_INSIDE),
    )


def _with(step: Step | None, inside: Iterable[Step]) -> list[Step]:
    return [*([step] if step else []), *inside]


def _inside(step: Step) -> list[InsideRow]:
    return [
        InsideRow(_KINDS.get(one.kind, one.kind), one.name, measured("load", one.ms), one.status)
        for one in step.resources
    ]


PAGES = (
    Page(
        "/s/<session>",
        "session",
        session,
        "pages/session.html",
        SessionArguments,
        needs="read",
        scope="owned",
        table="steps",
    ),
)
