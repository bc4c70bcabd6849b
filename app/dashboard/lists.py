"""What the lists of groups and of occurrences show; pure, and apart from the templates."""

from __future__ import annotations

from dataclasses import dataclass

from app.api.times import iso
from events.ids import id_time
from storage.sql.events import StoredEvent
from storage.sql.groups import Group


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A line of the list of groups; times are ISO 8601."""

    id: str
    title: str
    culprit: str
    project: str
    type: str
    count: int
    users: int
    first_seen: str | None
    last_seen: str | None
    status: str


@dataclass(frozen=True, slots=True)
class OccurrenceRow:
    """A line of the list of a group's occurrences."""

    id: str
    received_at: str | None
    summary: str
    version: str


def group_row(group: Group) -> GroupRow:
    """A group as a line of a list."""
    return GroupRow(
        str(group.id),
        group.title,
        group.culprit or "",
        group.project,
        group.type,
        group.count,
        group.users,
        iso(group.first_seen),
        iso(group.last_seen),
        group.status,
    )


def occurrence_row(event: StoredEvent) -> OccurrenceRow:
    """An event as a line of a list."""
    columns = event.columns
    return OccurrenceRow(
        str(event.id),
        iso(id_time(event.id)),
        str(columns.get("message") or columns.get("page") or ""),
        str(columns.get("version") or ""),
    )
