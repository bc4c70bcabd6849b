"""Real users: web vitals of a project, its pages, and those that got slower."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from app.api.rum import stored_events
from app.dashboard import links
from app.dashboard.charts import Chart
from app.dashboard.page import Page, Place, Visit
from app.dashboard.spans import DAYS, Span, SpanArguments, span_of
from app.dashboard.vitals import (
    LABELS,
    Cell,
    VitalRow,
    cell,
    measured,
    trend_chart,
    views_chart,
    vital_row,
)
from storage.rum import Mover, PageRow
from storage.search.scope import Scope
from storage.sql.projects import Project
from workbench.rum import RumView as Found


@dataclass(frozen=True, slots=True)
class PageLine:
    """A page of the table; ``rule`` is true for one that a path rule makes of many paths."""

    page: str
    href: str
    rule: bool
    views: int
    users: int
    load: Cell
    lcp: Cell
    inp: Cell
    cls: Cell
    errors: int | None
    error_users: int | None


@dataclass(frozen=True, slots=True)
class MoverRow:
    """A page that got slower."""

    page: str
    href: str
    measure: str
    before: str
    now: str
    change: str


@dataclass(frozen=True, slots=True)
class RumView:
    """``known`` is false while search does not answer: then there is ``stored`` alone, the events
    that the ledger counts.
    """

    title: str
    span: Span
    days: tuple[tuple[int, str], ...]
    known: bool
    stored: int | None
    views: int
    sessions: int
    users: int
    vitals: tuple[VitalRow, ...]
    load_p75: str
    pages: tuple[PageLine, ...]
    other_views: int
    movers: tuple[MoverRow, ...]
    trends: tuple[Chart, ...]


def rum(visit: Visit) -> RumView:
    """The overview that the arguments ask for; raises ``ApiError`` 400."""
    project = visit.of_project
    scope, span = span_of(visit)
    book = visit.desk.stores.rum
    found = visit.gaps.fill("vitals and pages", partial(book.overview, project.id, scope), None)
    kept = {name: value for name, value in span.query.items() if name == "q"}
    days = tuple((one, links.rum(project, days=one, **kept)) for one in DAYS)
    if found is None:
        return _unknown(visit, project, scope, span, days)
    if any(row.errors is None for row in found.pages):
        visit.gaps.note("errors of pages", "search", "it did not count crashes in time.")
    return _view(project, span, days, found)


def _view(project: Project, span: Span, days: tuple[tuple[int, str], ...], found: Found) -> RumView:
    overview = found.overview
    charts = [views_chart(overview.trend)]
    charts += [trend_chart(overview.trend, name) for name in ("lcp", "load")]
    return RumView(
        "Real users",
        span,
        days,
        known=True,
        stored=None,
        views=overview.views,
        sessions=overview.sessions,
        users=overview.users,
        vitals=tuple(map(vital_row, overview.vitals)),
        load_p75=measured("load", overview.load_p75),
        pages=tuple(_line(project, span.query, row) for row in found.pages),
        other_views=overview.other_views,
        movers=tuple(_mover(project, span.query, mover) for mover in found.movers),
        trends=tuple(one for one in charts if one is not None),
    )


def _unknown(
    visit: Visit, project: Project, scope: Scope, span: Span, days: tuple[tuple[int, str], ...]
) -> RumView:
    stored = visit.gaps.fill(
        "the count of events", lambda: stored_events(visit.desk, project, scope), None
    )
    return RumView(
        "Real users", span, days, False, stored, 0, 0, 0, (), "", (), 0, (), ()
    )  # fmt: skip


def _line(project: Project, query: dict[str, Any], row: PageRow) -> PageLine:
    return PageLine(
        row.page,
        links.rum(project, row.page, **query),
        row.rule,
        row.views,
        row.users,
        cell("load", row.p75),
        cell("lcp", row.p75),
        cell("inp", row.p75),
        cell("cls", row.p75),
        row.errors,
        row.error_users,
    )


def _mover(project: Project, query: dict[str, Any], mover: Mover) -> MoverRow:
    return MoverRow(
        mover.page,
        links.rum(project, mover.page, **query),
        LABELS[mover.measure][0],
        measured(mover.measure, mover.before),
        measured(mover.measure, mover.now),
        f"+{100 * mover.change:.0f} %",
    )


PAGES = (
    Page(
        "/p/<project>/rum",
        "rum",
        rum,
        "pages/rum.html",
        SpanArguments,
        needs="read",
        table="pages",
        place=Place("Real users", key="u"),
    ),
)
