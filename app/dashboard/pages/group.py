"""A group: what it is, and its occurrences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from app.api.groups import find_group, page_of_occurrences
from app.dashboard import links
from app.dashboard.page import Page, Visit
from app.dashboard.pages.groups import GroupRow, group_row
from app.dashboard.paging import PageArguments, Paging, paging
from app.errors import not_found
from events.ids import id_time
from storage.sql.events import StoredEvent


@dataclass(frozen=True, slots=True)
class OccurrenceRow:
    """A line of the list of a group's occurrences."""

    id: str
    href: str
    received_at: datetime
    summary: str
    version: str


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group with a page of its occurrences."""

    title: str
    group: GroupRow
    occurrences: tuple[OccurrenceRow, ...]
    paging: Paging


def occurrence_row(event: StoredEvent) -> OccurrenceRow:
    """An event as a line of a list."""
    columns = event.columns
    return OccurrenceRow(
        str(event.id),
        links.occurrence(event.id),
        id_time(event.id).astimezone(UTC),
        str(columns.get("message") or columns.get("page") or ""),
        str(columns.get("version") or ""),
    )


def group(visit: Visit) -> GroupView:
    """The group that the path names; raises ``ApiError`` 404 also for one of another project."""
    project, asked = visit.of_project, visit.arguments
    found = find_group(visit.desk, asked["group"])
    if found.project_id != project.id:
        raise not_found("group")
    page = page_of_occurrences(visit.desk, found, asked)
    return GroupView(
        found.title,
        group_row(found, project),
        tuple(occurrence_row(event) for event in page.items),
        paging(
            links.group(project, found.id),
            {name: asked[name] for name in ("cursor", "limit")},
            len(page.items),
            page.next_cursor,
        ),
    )


PAGES = (
    Page(
        "/p/<project>/g/<group>",
        "group",
        group,
        "pages/group.html",
        PageArguments,
        needs="read",
        table="occurrences",
    ),
)
