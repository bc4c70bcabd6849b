"""Sessions of real users that began in a span."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.dashboard import links
from app.dashboard.page import Page, Place, Visit
from app.dashboard.paging import Paging, paging
from app.dashboard.spans import DAYS, PagedSpanArguments, Span, span_of
from app.errors import bad_argument
from storage.model import Page as Found
from storage.session import SessionRow
from storage.sql.projects import Project


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A session; its counts are null while search cannot tell them."""

    id: str
    href: str
    started_at: datetime
    lasted_seconds: float | None
    user: str | None
    user_href: str | None
    entry: str | None
    views: int | None
    requests: int | None
    crashes: int | None
    browser: str | None
    device: str | None
    country: str | None
    version: str | None


@dataclass(frozen=True, slots=True)
class SessionsView:
    """A page of sessions. ``known`` is false while search does not answer."""

    title: str
    span: Span
    days: tuple[tuple[int, str], ...]
    known: bool
    sessions: tuple[SessionLine, ...]
    paging: Paging


def sessions(visit: Visit) -> SessionsView:
    """The sessions that the arguments ask for; raises ``ApiError`` 400."""
    project, asked = visit.of_project, visit.arguments
    scope, span = span_of(visit)

    def read() -> Found[SessionRow] | None:
        try:
            return visit.desk.stores.people.listed(scope, asked["cursor"], asked["limit"])
        except ValueError as exc:
            raise bad_argument("cursor", str(exc)) from None

    found = visit.gaps.fill("sessions", read, None)
    items = found.items if found else []
    if any(row.views is None for row in items):
        visit.gaps.note("what happened in the sessions", "search", "it did not count in time.")
    query = {**span.query, "cursor": asked["cursor"], "limit": asked["limit"]}
    return SessionsView(
        "Sessions",
        span,
        tuple((one, links.sessions(project, days=one, q=span.q)) for one in DAYS),
        found is not None,
        tuple(_line(project, row) for row in items),
        paging(links.sessions(project), query, len(items), found.next_cursor if found else None),
    )


def _line(project: Project, row: SessionRow) -> SessionLine:
    last = row.last_at
    return SessionLine(
        row.session_id,
        links.session(row.session_id, project),
        row.started_at,
        None if last is None else max(0.0, (last - row.started_at).total_seconds()),
        row.user.get("name") or row.user.get("email") or row.user_key,
        links.user(project, row.user_key) if row.user_key else None,
        row.entry,
        row.views,
        row.requests,
        row.crashes,
        row.browser,
        row.device,
        row.country,
        row.version,
    )


PAGES = (
    Page(
        "/p/<project>/sessions",
        "sessions",
        sessions,
        "pages/sessions.html",
        PagedSpanArguments,
        needs="read",
        table="sessions",
        place=Place("Sessions", key="s"),
    ),
)
