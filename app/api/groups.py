"""Groups, and the occurrences of one."""

from __future__ import annotations

from typing import Any

from app.api import answers
from app.api.arguments import GroupArguments, Paged, bad_argument
from app.api.endpoint import Arguments, Desk, Endpoint, parse_id
from app.api.picture import identity
from app.errors import not_found
from storage.model import Page
from storage.sql.events import StoredEvent
from storage.sql.groups import Group


def find_group(desk: Desk, text: str) -> Group:
    """The group of an id; raises ``ApiError`` 404 and ``StoreDown``."""
    group = desk.stores.groups.find(parse_id(text, "group"))
    if group is None:
        raise not_found("group")
    desk.require(group.project_id, "group")
    return group


def page_of_groups(desk: Desk, arguments: Arguments) -> Page[Group]:
    """The groups that ``GroupArguments`` ask for; raises ``ApiError`` 400 and ``StoreDown``."""
    desk.names.number(arguments["project"])
    try:
        return desk.stores.groups.list(**arguments)
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None


def list_groups(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /groups."""
    page = page_of_groups(desk, arguments)
    items = answers.Group(many=True).dump(page.items)
    return {"items": items, "next_cursor": page.next_cursor}


def read_group(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /groups/{group_id}."""
    return dict(answers.Group().dump(find_group(desk, arguments["group_id"])))


def occurrence(event: StoredEvent) -> dict[str, Any]:
    """An event as lists show it: its identity and its type's columns."""
    return {**event.columns, **identity(event)}


def page_of_occurrences(desk: Desk, group: Group, arguments: Arguments) -> Page[StoredEvent]:
    """A group's events, newest first; raises ``ApiError`` 400 and ``StoreDown``."""
    try:
        return desk.stores.events.of_group(group.id, arguments["cursor"], arguments["limit"])
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None


def list_occurrences(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /groups/{group_id}/events, newest first."""
    group = find_group(desk, arguments["group_id"])
    page = page_of_occurrences(desk, group, arguments)
    return {"items": [occurrence(e) for e in page.items], "next_cursor": page.next_cursor}


ENDPOINTS = (
    Endpoint(
        "/groups",
        "list_groups",
        "Groups of crashes, newest first unless sorted otherwise",
        list_groups,
        answers.page_of(answers.Group),
        GroupArguments,
        scope="filtered",
    ),
    Endpoint(
        "/groups/<group_id>", "read_group", "One group", read_group, answers.Group, scope="owned"
    ),
    Endpoint(
        "/groups/<group_id>/events",
        "list_occurrences",
        "The occurrences of a group, newest first",
        list_occurrences,
        answers.page_of(answers.Occurrence),
        Paged,
        scope="owned",
    ),
)
