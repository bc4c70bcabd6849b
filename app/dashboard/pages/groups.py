"""A project's groups: what to triage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from marshmallow import fields, validate

from app.api.groups import page_of_groups
from app.dashboard import links
from app.dashboard.charts import Tone
from app.dashboard.links import Named
from app.dashboard.page import Page, Place, Visit
from app.dashboard.paging import PageArguments, Paging, paging
from app.dashboard.strip import Tally
from app.dashboard.triage.standing import standing
from app.dashboard.triage.trend import sentence_of
from app.stores import Stores
from events.triage import STATUSES
from storage.model import Page as StoredPage
from storage.query.keys import key_names
from storage.query.parse import ParsedQuery, QueryError, parse_query
from storage.sql.group_filter import EVERYTHING, GroupFilter
from storage.sql.groups import Group
from storage.sql.projects import Project
from storage.sql.trends import window_until
from workbench.group_search import Narrowed, narrow

SORTS = ("last_seen", "first_seen", "count", "users")
TABS = ("new", "open", "regressed", "resolved", "ignored")
#: The small chart of a row: so many spans of so many hours.
SPANS, HOURS = 12, 2


class GroupsArguments(PageArguments):
    """Filters and order of groups."""

    query = fields.String(load_default=None, validate=validate.Length(max=2000))
    status = fields.String(load_default=None, validate=validate.OneOf(TABS))
    sort = fields.String(load_default="last_seen", validate=validate.OneOf(SORTS))


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A line of the list of groups. ``trend`` are occurrences of the last day by two hours."""

    id: str
    number: int | None
    href: str
    title: str
    culprit: str
    type: str
    status: str
    tone: Tone
    terms: str
    count: int
    users: int
    trend: tuple[int, ...]
    trend_told: str
    first_seen: datetime
    last_seen: datetime
    assignee: str
    fingerprints: int
    discarded: bool


@dataclass(frozen=True, slots=True)
class Tab:
    """Groups that stand somewhere: how many, and where they are."""

    label: str
    status: str
    count: int
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class QueryProblem:
    """What is wrong with a query, and at which character from 1."""

    message: str
    at: int


@dataclass(frozen=True, slots=True)
class ViewLink:
    """A saved view."""

    id: str
    name: str
    href: str
    shared: bool
    current: bool


@dataclass(frozen=True, slots=True)
class GroupsView:
    """A page of groups, and what was asked for. ``meant`` is how many the whole list has."""

    title: str
    groups: tuple[GroupRow, ...]
    tabs: tuple[Tab, ...]
    query: str
    status: str
    sort: str
    problem: QueryProblem | None
    notices: tuple[str, ...]
    views: tuple[ViewLink, ...]
    keys: tuple[str, ...]
    sorts: Mapping[str, str]
    meant: int | None
    paging: Paging


def group_row(group: Group, project: Named, now: datetime, trend: Sequence[int]) -> GroupRow:
    """A group as a line of a list."""
    stands = standing(group, now)
    return GroupRow(
        str(group.id),
        group.number,
        links.group_of(project, group.id, group.number),
        group.title,
        group.culprit or "",
        group.type,
        stands.status,
        stands.tone,
        stands.terms,
        group.count,
        group.users,
        tuple(trend),
        sentence_of(trend, HOURS) if trend else "",
        group.first_seen,
        group.last_seen,
        group.triage.assignee or "",
        group.members,
        group.discarded,
    )


def group_rows(visit: Visit, groups: Sequence[Group]) -> tuple[GroupRow, ...]:
    """Groups of one project as lines of a list, with their last day."""
    window = window_until(visit.now, SPANS, HOURS)
    trends = visit.desk.stores.triage.trends.of_groups([one.id for one in groups], window)
    project = visit.of_project
    return tuple(group_row(one, project, visit.now, trends[one.id]) for one in groups)


def groups(visit: Visit) -> GroupsView:
    """The groups that the arguments ask for; raises ``ApiError`` 400 and ``StoreDown``.

    A query that cannot be understood is no error here: what is wrong is said below its box.
    """
    project, asked, stores = visit.of_project, visit.arguments, visit.desk.stores
    query, problem = _query(asked["query"])
    narrowed = _narrowed(visit, query)
    found: StoredPage[Group] = StoredPage([], None)
    if problem is None:
        found = page_of_groups(visit.desk, narrowed, asked)
    counts = stores.groups.statuses(replace(narrowed.wanted, status=None))
    meant = None if problem else _meant(counts, asked["status"])
    here, shown = links.groups(project), len(found.items)
    return GroupsView(
        title="Groups",
        groups=group_rows(visit, found.items) if found.items else (),
        tabs=tuple(_tabs(project, asked, counts)),
        query=asked["query"] or "",
        status=asked["status"] or "",
        sort=asked["sort"],
        problem=problem,
        notices=tuple(one["message"] for one in narrowed.notices() if one["code"] != "search_away"),
        views=tuple(_views(visit, project, asked)),
        keys=tuple(key_names("groups")),
        sorts={one: _sorted(here, asked, one) for one in SORTS},
        meant=meant,
        paging=paging(here, asked, shown, found.next_cursor, total=meant),
    )


def _query(text: str | None) -> tuple[ParsedQuery, QueryProblem | None]:
    try:
        return parse_query(text or "", "groups"), None
    except QueryError as exc:
        return EVERYTHING, QueryProblem(exc.message, exc.position + 1)


def _narrowed(visit: Visit, query: ParsedQuery) -> Narrowed:
    """The groups that are meant; conditions that search cannot answer now go to the gaps."""
    status, me = visit.arguments["status"], visit.desk.caller.name
    wanted = GroupFilter(visit.now, visit.of_project.id, query, status=status, me=me)
    stores = visit.desk.stores
    narrowed = narrow(stores.search, stores.retention.terms, wanted)
    if narrowed.left_out:
        named = ", ".join(narrowed.left_out)
        visit.gaps.note(f"the conditions {named}", "search", "they were left out.")
    return narrowed


def _meant(counts: Mapping[str, int], status: str | None) -> int:
    return counts[status] if status else sum(counts[one] for one in STATUSES)


def _tabs(project: Named, asked: Mapping[str, Any], counts: Mapping[str, int]) -> list[Tab]:
    kept = {"query": asked["query"], "sort": asked["sort"], "limit": asked["limit"]}
    tabs = [
        Tab("All", "", _meant(counts, None), links.groups(project, **kept), not asked["status"])
    ]
    for status in TABS:
        href = links.groups(project, status=status, **kept)
        current = asked["status"] == status
        tabs.append(Tab(status.capitalize(), status, counts[status], href, current))
    return tabs


def _sorted(here: str, asked: Mapping[str, Any], sort: str) -> str:
    kept = {name: asked[name] for name in ("query", "status", "limit")}
    return links.with_query(here, {**kept, "sort": sort})


def _views(visit: Visit, project: Project, asked: Mapping[str, Any]) -> list[ViewLink]:
    views = visit.desk.stores.triage.views.list(project.id, visit.desk.caller.name)
    return [
        ViewLink(
            str(one.id),
            one.name,
            links.groups(project, query=one.query, sort=one.sort),
            one.owner is None,
            (one.query, one.sort) == (asked["query"] or "", asked["sort"]),
        )
        for one in views
    ]


def _count(status: str, most: int) -> Callable[[Stores, Named | None], int]:
    def read(stores: Stores, project: Named | None) -> int:
        if project is None:
            return 0
        return stores.groups.count(GroupFilter(datetime.now(UTC), project.id, status=status), most)

    return read


def _lead(status: str) -> Callable[[Named | None], str]:
    def href(project: Named | None) -> str:
        return links.groups(project, status=status) if project else links.home()

    return href


_MOST = 1000
TALLIES = (
    Tally("New groups", _count("new", _MOST), _lead("new"), "read", tone="busy", most=_MOST),
    Tally(
        "Regressed", _count("regressed", _MOST), _lead("regressed"), "read", tone="bad", most=_MOST
    ),
)

PAGES = (
    Page(
        "/p/<project>/groups",
        "groups",
        groups,
        "pages/groups.html",
        GroupsArguments,
        needs="read",
        table="groups",
        place=Place("Groups", key="g"),
        live=True,
    ),
)
