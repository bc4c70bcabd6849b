"""A project's groups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from marshmallow import fields, validate

from app.api.groups import page_of_groups, wanted_groups
from app.dashboard import links
from app.dashboard.links import Named
from app.dashboard.page import Page, Place, Visit
from app.dashboard.paging import PageArguments, Paging, paging
from app.dashboard.strip import Tally
from app.stores import Stores
from storage.sql.group_filter import GroupFilter
from storage.sql.groups import Group
from storage.sql.projects import Project

SORTS = {
    "last_seen": "last seen",
    "first_seen": "first seen",
    "count": "occurrences",
    "users": "users",
}


class GroupsArguments(PageArguments):
    """Filters and order of groups."""

    query = fields.String(load_default=None, validate=validate.Length(max=500))
    status = fields.String(load_default=None, validate=validate.Length(max=50))
    sort = fields.String(load_default="last_seen", validate=validate.OneOf(list(SORTS)))


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A line of the list of groups."""

    id: str
    href: str
    title: str
    culprit: str
    type: str
    count: int
    users: int
    first_seen: datetime
    last_seen: datetime
    status: str


@dataclass(frozen=True, slots=True)
class GroupsView:
    """A page of groups, and what was asked for."""

    title: str
    groups: tuple[GroupRow, ...]
    query: str
    status: str
    sort: str
    paging: Paging


def group_row(group: Group, project: Project) -> GroupRow:
    """A group as a line of a list."""
    return GroupRow(
        str(group.id),
        links.group(project, group.id),
        group.title,
        group.culprit or "",
        group.type,
        group.count,
        group.users,
        group.first_seen,
        group.last_seen,
        group.status,
    )


def groups(visit: Visit) -> GroupsView:
    """The groups that the arguments ask for; raises ``ApiError`` 400 and ``StoreDown``."""
    project, asked = visit.of_project, visit.arguments
    narrowed = wanted_groups(visit.desk, {**asked, "project": project.name})
    page = page_of_groups(visit.desk, narrowed, asked)
    return GroupsView(
        "Groups",
        tuple(group_row(group, project) for group in page.items),
        asked["query"] or "",
        asked["status"] or "",
        asked["sort"],
        paging(links.groups(project), asked, len(page.items), page.next_cursor),
    )


def _open_groups(stores: Stores, project: Named | None) -> int:
    if project is None:
        return 0
    wanted = GroupFilter(datetime.now(UTC), project.id, status="open")
    return stores.groups.count(wanted, OPEN.most)


def _to_open_groups(project: Named | None) -> str:
    return links.groups(project, status="open") if project else links.home()


OPEN = Tally("Open groups", _open_groups, _to_open_groups, "read")
TALLIES = (OPEN,)

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
