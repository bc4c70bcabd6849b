"""Two occurrences of a group side by side."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from marshmallow import Schema, fields

from app.api.endpoint import parse_id
from app.dashboard import links
from app.dashboard.crash.difference import Difference, difference
from app.dashboard.crash.reading import picture_of
from app.dashboard.page import Page, Visit
from app.dashboard.pages.group import OF_GROUP, of_path, path_of
from app.errors import not_found
from events.ids import id_time
from storage.sql.events import StoredEvent


class DifferenceArguments(Schema):
    """The two occurrences."""

    a = fields.String(required=True)
    b = fields.String(required=True)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two."""

    id: str
    href: str
    received_at: datetime
    missing: str


@dataclass(frozen=True, slots=True)
class DifferenceView:
    """Two occurrences of a group, and what differs."""

    title: str
    path: str
    group_title: str
    one: Side
    other: Side
    swap_href: str
    difference: Difference


def compare(visit: Visit) -> DifferenceView:
    """The occurrences that the arguments name; raises ``ApiError`` 404 where one is not there."""
    found = of_path(visit)
    path = path_of(visit, found)
    members = {member.id for member in visit.desk.stores.groups.members(found.id)}
    one, other = (_event(visit, members, visit.arguments[name]) for name in ("a", "b"))
    (first, lacks), (second, lacks_too) = picture_of(visit, one), picture_of(visit, other)
    return DifferenceView(
        f"Two occurrences of #{found.number}",
        path,
        found.title,
        _side(one, path, lacks),
        _side(other, path, lacks_too),
        links.difference(path, other.id, one.id),
        difference(first, second),
    )


def _event(visit: Visit, members: Container[UUID | None], text: str) -> StoredEvent:
    event = visit.desk.stores.events.find(parse_id(text, "occurrence in this group"))
    if event is None or event.group_id not in members:
        raise not_found("occurrence in this group")
    return event


def _side(event: StoredEvent, path: str, missing: str) -> Side:
    return Side(str(event.id), links.in_group(path, event.id), id_time(event.id), missing)


PAGES = (
    Page(
        f"{OF_GROUP}/diff",
        "difference",
        compare,
        "pages/difference.html",
        DifferenceArguments,
        needs="read",
    ),
)
