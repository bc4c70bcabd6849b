"""Groups, and the occurrences of one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from app.api import answers
from app.api.arguments import GroupArguments, Paged, bad_argument, query_of
from app.api.endpoint import Arguments, Desk, Endpoint, parse_id
from app.api.picture import identity
from app.errors import not_found
from storage.model import Page
from storage.sql.events import StoredEvent
from storage.sql.group_filter import GroupFilter
from storage.sql.groups import Group
from workbench.group_search import Narrowed, narrow


def find_group(desk: Desk, text: str) -> Group:
    """The group of an id, its own or a member's; raises ``ApiError`` 404 and ``StoreDown``."""
    group = desk.stores.groups.find(parse_id(text, "group"))
    if group is None:
        raise not_found("group")
    desk.require(group.project_id, "group")
    return group


def wanted_groups(desk: Desk, arguments: Arguments) -> Narrowed:
    """The groups that ``project``, ``query`` and ``status`` ask for; raises ``ApiError`` 400 and
    ``StoreDown``.
    """
    wanted = GroupFilter(
        now=now(desk),
        project_id=desk.names.number(arguments["project"]),
        query=query_of("query", arguments["query"], "groups"),
        status=arguments["status"],
        me=desk.caller.name,
    )
    return narrow(desk.stores.search, desk.stores.retention.terms, wanted)


def now(desk: Desk) -> datetime:
    """The time, as the desk tells it."""
    return datetime.fromtimestamp(desk.now_ms() / 1000, UTC)


def page_of_groups(desk: Desk, narrowed: Narrowed, arguments: Arguments) -> Page[Group]:
    """The groups that ``GroupArguments`` ask for; raises ``ApiError`` 400 and ``StoreDown``."""
    try:
        return desk.stores.groups.list(
            narrowed.wanted, arguments["sort"], arguments["cursor"], arguments["limit"]
        )
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None


def list_groups(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /groups."""
    narrowed = wanted_groups(desk, arguments)
    page = page_of_groups(desk, narrowed, arguments)
    return {
        "items": [told(desk, group) for group in page.items],
        "next_cursor": page.next_cursor,
        "notices": narrowed.notices(),
    }


def told(desk: Desk, group: Group) -> dict[str, Any]:
    """A group as the API gives it."""
    triage = group.triage
    return dict(
        answers.Group().dump(
            {
                **{name: getattr(group, name) for name in _OF_GROUP},
                "new": triage.is_new(group.first_seen, now(desk)),
                "status_at": triage.since,
                "assignee": triage.assignee,
                "resolved_in": triage.resolution.version,
                "resolved_after": triage.resolution.after,
                "ignored_until": triage.until.at,
                "ignored_until_count": triage.until.count,
                "ignored_until_users": triage.until.users,
            }
        )
    )


_OF_GROUP = tuple(name for name in Group.__slots__ if name not in ("project_id", "triage"))


def read_group(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /groups/{group_id}."""
    return told(desk, find_group(desk, arguments["group_id"]))


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
        answers.GroupPage,
        GroupArguments,
        scope="filtered",
        needs="read",
    ),
    Endpoint(
        "/groups/<group_id>",
        "read_group",
        "One group",
        read_group,
        answers.Group,
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/groups/<group_id>/events",
        "list_occurrences",
        "The occurrences of a group, newest first",
        list_occurrences,
        answers.page_of(answers.Occurrence),
        Paged,
        scope="owned",
        needs="read",
    ),
)
