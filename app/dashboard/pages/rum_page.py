"""One page of a project, by its path or a path rule: why it is as fast as it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from marshmallow import fields, validate

from app.dashboard import links
from app.dashboard.charts import Chart, Series
from app.dashboard.moments import instant
from app.dashboard.page import Page, Visit
from app.dashboard.spans import Span, SpanArguments, span_of
from app.dashboard.vitals import VitalRow, measured, trend_chart, vital_row
from app.errors import ApiError
from storage.rum import Bar, PageDetail, Share
from storage.sql.projects import Project

_PHASES = {
    "dns": "name lookup",
    "connect": "connecting",
    "server": "the server",
    "download": "download",
    "parse": "parsing",
    "render": "rendering",
    "load": "load handlers",
}
_KINDS = {"xhr": "request", "network": "request", "asset": "file", "custom": "timing"}


class RumPageArguments(SpanArguments):
    """Which page: a path as the table has it, or a path rule."""

    page = fields.String(required=True, validate=validate.Length(min=1, max=500))


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a page's loading, by its median."""

    name: str
    ms: float


@dataclass(frozen=True, slots=True)
class ResourceLine:
    """What views of the page load: how often of those sampled, and how long it takes."""

    kind: str
    name: str
    times: int
    median: str
    p75: str
    slowest: str
    bytes: float | None
    failed: int


@dataclass(frozen=True, slots=True)
class ShareRow:
    """A value of an attribute, how many views had it, and how fast these were."""

    value: str
    views: int
    load: str


@dataclass(frozen=True, slots=True)
class Shares:
    """Views by an attribute."""

    name: str
    rows: tuple[ShareRow, ...]


@dataclass(frozen=True, slots=True)
class ViewRow:
    """A recent view, with the session to see it in."""

    at: datetime | None
    session: str | None
    session_href: str | None
    user: str | None
    load: str
    browser: str | None


@dataclass(frozen=True, slots=True)
class GroupLine:
    """A group of crashes of the page."""

    group: str
    href: str
    errors: int


@dataclass(frozen=True, slots=True)
class RumPageView:
    """A page. ``errors`` is null while crashes cannot be counted."""

    title: str
    page: str
    rule: bool
    span: Span
    back: str
    views: int
    users: int
    sessions: int
    load_p75: str
    vitals: tuple[VitalRow, ...]
    phases: tuple[Phase, ...]
    histogram: Chart | None
    trends: tuple[Chart, ...]
    shares: tuple[Shares, ...]
    resources: tuple[ResourceLine, ...]
    sampled: int
    recent: tuple[ViewRow, ...]
    paths: tuple[ShareRow, ...]
    errors: int | None
    error_users: int | None
    groups: tuple[GroupLine, ...]


def rum_page(visit: Visit) -> RumPageView:
    """The page that the arguments name; raises ``ApiError`` 400 and ``StoreDown``."""
    project, page = visit.of_project, visit.arguments["page"]
    scope, span = span_of(visit)
    book = visit.desk.stores.rum
    found = visit.gaps.fill("this page", partial(book.one, project.id, scope, page), None)
    if found is None:
        raise ApiError(
            503,
            "store_down",
            "Elasticsearch did not answer in time: the page cannot be told without it.",
            {"Retry-After": "5"},
        )
    if found.errors is None:
        visit.gaps.note("crashes of this page", "search", "it did not count them in time.")
    detail, errors = found.detail, found.errors
    trends = (trend_chart(detail.trend, name) for name in ("lcp", "load", "inp"))
    return RumPageView(
        page,
        page,
        found.rule,
        span,
        links.rum(project, **span.query),
        detail.views,
        detail.users,
        detail.sessions,
        measured("load", detail.load_p75),
        tuple(map(vital_row, detail.vitals)),
        tuple(Phase(_PHASES.get(name, name), ms) for name, ms in detail.phases.items()),
        histogram_chart(detail.histogram),
        tuple(chart for chart in trends if chart is not None),
        tuple(
            Shares(name, tuple(map(_share, rows))) for name, rows in detail.shares.items() if rows
        ),
        tuple(_resources(detail)),
        detail.sampled,
        tuple(_recent(project, detail)),
        tuple(map(_share, detail.paths)),
        errors.errors if errors else None,
        errors.users if errors else None,
        tuple(
            GroupLine(group, links.group(project, group), count)
            for group, count in (errors.groups if errors else {}).items()
        ),
    )


def histogram_chart(bars: list[Bar]) -> Chart | None:
    """How many views took how long; pure."""
    if not bars:
        return None
    most = max(bars, key=lambda bar: bar.views)
    return Chart(
        f"Most views, {most.views:,}, took {measured('load', most.start_ms)} or little more.",
        tuple(measured("load", bar.start_ms) for bar in bars),
        (Series("views", tuple(float(bar.views) for bar in bars)),),
    )


def _share(share: Share) -> ShareRow:
    return ShareRow(share.value, share.views, measured("load", share.load_p75))


def _resources(detail: PageDetail) -> list[ResourceLine]:
    return [
        ResourceLine(
            _KINDS.get(row.kind, row.kind),
            row.name,
            row.count,
            measured("load", row.median_ms),
            measured("load", row.p75_ms),
            measured("load", row.slowest_ms),
            row.bytes,
            row.failed,
        )
        for row in detail.resources
    ]


def _recent(project: Project, detail: PageDetail) -> list[ViewRow]:
    return [
        ViewRow(
            instant(view.at),
            view.session_id,
            links.session(view.session_id, project) if view.session_id else None,
            view.user,
            measured("load", view.load_ms),
            view.browser,
        )
        for view in detail.recent
    ]


PAGES = (
    Page(
        "/p/<project>/rum/page",
        "rum_page",
        rum_page,
        "pages/rum_page.html",
        RumPageArguments,
        needs="read",
        table="resources",
    ),
)
