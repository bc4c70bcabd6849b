"""Decisions on groups: one, or many at once with the list frozen, told of, and undone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from marshmallow import Schema

from app.api.answers import page_of
from app.api.arguments import Nothing, bad_argument
from app.api.endpoint import Arguments, Desk, Endpoint, parse_id
from app.api.groups import find_group, told, wanted_groups
from app.api.triage_shapes import (
    Action,
    ActionArguments,
    AssignBody,
    Decided,
    DiscardGroupBody,
    IgnoreBody,
    MergeBody,
    ResolveBody,
    SplitBody,
    TriageBody,
)
from app.errors import ApiError, not_found
from storage.errors import Rejected
from storage.query.keys import ME, NOBODY
from storage.sql.groups import Group
from storage.sql.triage_actions import ActionNotOpen, TriageActions
from storage.triage import MAX_GROUPS, TriageAction

#: How long a request applies an action itself, in seconds; workers do the rest.
APPLY_SECONDS = 1.0


def make_action(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /triage: an action on groups, frozen, and begun unless ``start`` is false."""
    return dump_action(decide_many(desk, arguments))


def decide_many(desk: Desk, arguments: Arguments) -> TriageAction:
    """What ``TriageBody`` asks for. Raises ``ApiError`` and ``StoreDown``."""
    project_id = desk.names.number(arguments["project"])
    if project_id is None:
        raise bad_argument("project", "is missing: an action is on groups of one project")
    ids, query = _chosen(desk, arguments)
    if arguments["expected"] not in (None, len(ids)):
        raise ApiError(
            409,
            "scope_changed",
            f"{len(ids):,} groups are meant by now, not {arguments['expected']:,}.",
        )
    options = _options(desk, project_id, arguments["verb"], arguments)
    action = _freeze(desk, project_id, arguments["verb"], options, ids, query)
    return begin(desk, action) if arguments["start"] else action


def list_actions(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /triage, newest first."""
    project_id = desk.names.number(arguments["project"])
    try:
        page = desk.stores.triage.actions.list(project_id, arguments["cursor"], arguments["limit"])
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    return {"items": [dump_action(one) for one in page.items], "next_cursor": page.next_cursor}


def read_action(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /triage/{action_id}: how far it is."""
    return dump_action(find_action(desk, arguments["action_id"]))


def start_action(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /triage/{action_id}/start: do what was told, to the groups that were frozen."""
    return dump_action(begin(desk, find_action(desk, arguments["action_id"])))


def undo_action(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /triage/{action_id}/undo."""
    return dump_action(take_back(desk, find_action(desk, arguments["action_id"])))


def find_action(desk: Desk, text: str) -> TriageAction:
    """The action of an id; raises ``ApiError`` 404 and ``StoreDown``."""
    found = desk.stores.triage.actions.find(parse_id(text, "action"))
    if found is None:
        raise not_found("action")
    desk.require(found.project_id, "action")
    return found


def begin(desk: Desk, action: TriageAction) -> TriageAction:
    """Do what a frozen action told, as far as it goes in a moment; workers do the rest."""
    actions = desk.stores.triage.actions
    with _told_why():
        actions.start(action.id, desk.caller.name)
    return apply_for_a_while(actions, action)


def take_back(desk: Desk, action: TriageAction) -> TriageAction:
    """Undo an action, as far as it goes in a moment; workers do the rest."""
    actions = desk.stores.triage.actions
    with _told_why():
        actions.undo(action.id, desk.caller.name)
    return apply_for_a_while(actions, action)


def decide(desk: Desk, group: Group, verb: str, arguments: Arguments) -> TriageAction:
    """Decide on one group, by an action of its own. Raises ``ApiError`` and ``StoreDown``."""
    options = _options(desk, group.project_id, verb, arguments)
    ids = [group.id]
    if verb == "merge":
        options = {"into": group.id.hex}
        ids += arguments["groups"]
    if verb == "split":
        options = {"merge": group.id.hex}
        ids = arguments["fingerprints"]
    action = begin(desk, _freeze(desk, group.project_id, verb, options, ids, None))
    if action.counts.get("skipped"):
        why = desk.stores.triage.actions.why(action.id) or "the group is gone"
        raise ApiError(409, "not_decided", f"Nothing was done: {why}.")
    return action


def apply_for_a_while(
    actions: TriageActions,
    action: TriageAction,
    seconds: float = APPLY_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> TriageAction:
    """Apply an action until it is over or the time is; workers go on with what is left."""
    until = clock() + seconds
    action = actions.step(action.id)
    while action.state in ("running", "undoing") and clock() < until:
        action = actions.step(action.id)
    return action


def dump_action(action: TriageAction) -> dict[str, Any]:
    """An action as the API gives it."""
    made = {"sentence": action.sentence(), "total": action.total, "undo_until": action.undo_until}
    shape = Action(exclude=tuple(made)).dump(action)
    return {**shape, **Action(only=tuple(made)).dump(made)}


def _chosen(desk: Desk, arguments: Arguments) -> tuple[Sequence[UUID], str | None]:
    """The groups that are meant, and the query that chose them."""
    if arguments["ids"] is not None:
        return arguments["ids"], None
    narrowed = wanted_groups(desk, arguments)
    if narrowed.left_out:
        raise ApiError(
            503,
            "store_down",
            "Search is away, so which groups the query means cannot be told. Nothing was done.",
            {"Retry-After": "5"},
        )
    ids = desk.stores.groups.ids(narrowed.wanted, MAX_GROUPS + 1)
    said = " ".join(
        part
        for part in (arguments["status"] and f"is:{arguments['status']}", arguments["query"])
        if part
    )
    return ids, said


def _options(
    desk: Desk, project_id: int, verb: str, arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """What a decision says beside its verb, as it is kept."""
    made: dict[str, Callable[[], dict[str, Any]]] = {
        "resolve": lambda: _resolution(desk, project_id, arguments),
        "ignore": lambda: {
            "until": arguments["until"] and arguments["until"].isoformat(),
            "count": arguments["count"],
            "users": arguments["users"],
        },
        "assign": lambda: {"assignee": _person(desk, arguments["assignee"])},
        "discard": lambda: {"reason": arguments["reason"]},
        "merge": lambda: {"into": _hex(arguments.get("into"))},
        "split": lambda: {"merge": _hex(arguments.get("merge"))},
    }
    options = made[verb]() if verb in made else {}
    return {name: value for name, value in options.items() if value is not None}


def _resolution(desk: Desk, project_id: int, arguments: Mapping[str, Any]) -> dict[str, Any]:
    if not arguments["next"]:
        return {"version": arguments["version"], "after": arguments["after"] or None}
    if arguments["version"] is not None:
        raise bad_argument("next", "give a version or next, one of them")
    latest = desk.stores.triage.releases.latest(project_id)
    if latest is None:
        raise bad_argument("next", "no event of this project came with a version yet")
    return {"version": latest, "after": True}


def _person(desk: Desk, assignee: str | None) -> str | None:
    if assignee == ME:
        return desk.caller.name
    return None if assignee == NOBODY else assignee


def _hex(value: UUID | None) -> str | None:
    return None if value is None else value.hex


def _freeze(
    desk: Desk,
    project_id: int,
    verb: str,
    options: Mapping[str, Any],
    ids: Sequence[UUID],
    query: str | None,
) -> TriageAction:
    try:
        return desk.stores.triage.actions.freeze(
            project_id, verb, options, ids, desk.caller.name, query
        )
    except Rejected as exc:
        raise bad_argument("ids" if query is None else "query", exc.detail) from None


@contextmanager
def _told_why() -> Iterator[None]:
    try:
        yield
    except ActionNotOpen as exc:
        raise ApiError(409, "action_not_open", f"Nothing was done: {exc}.") from None


def _decides(verb: str) -> Callable[[Desk, Arguments], dict[str, Any]]:
    """POST /groups/{group_id}/<verb>."""

    def handler(desk: Desk, arguments: Arguments) -> dict[str, Any]:
        group = find_group(desk, arguments["group_id"])
        action = decide(desk, group, verb, arguments)
        return {
            "group": told(desk, find_group(desk, arguments["group_id"])),
            "action": dump_action(action),
        }

    return handler


_SINGLE: tuple[tuple[str, str, type[Schema]], ...] = (
    ("resolve", "Resolve a group, in a version or as of now", ResolveBody),
    ("reopen", "Open a group again", Nothing),
    ("ignore", "Ignore a group, for ever or until something", IgnoreBody),
    ("assign", "Give a group to somebody", AssignBody),
    ("merge", "Make other groups one with this one", MergeBody),
    ("split", "Let fingerprints of a merged group be groups of their own again", SplitBody),
    ("discard", "Store no further event of a group", DiscardGroupBody),
    ("undiscard", "Store a group's events again", Nothing),
)

ENDPOINTS = (
    Endpoint(
        "/triage",
        "make_action",
        "Decide on many groups: chosen once, told of, applied in parts, undone for ten minutes",
        make_action,
        Action,
        method="POST",
        body=TriageBody,
        scope="filtered",
        needs="triage",
    ),
    Endpoint(
        "/triage",
        "list_actions",
        "What was decided on groups, newest first",
        list_actions,
        page_of(Action),
        ActionArguments,
        scope="filtered",
        needs="read",
    ),
    Endpoint(
        "/triage/<action_id>",
        "read_action",
        "How far a decision on groups is",
        read_action,
        Action,
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/triage/<action_id>/start",
        "start_action",
        "Do what a frozen action told",
        start_action,
        Action,
        method="POST",
        scope="owned",
        needs="triage",
    ),
    Endpoint(
        "/triage/<action_id>/undo",
        "undo_action",
        "Take an action back, where nothing was decided since",
        undo_action,
        Action,
        method="POST",
        scope="owned",
        needs="triage",
    ),
    *(
        Endpoint(
            f"/groups/<group_id>/{verb}",
            f"{verb}_group",
            summary,
            _decides(verb),
            Decided,
            method="POST",
            body=body,
            scope="owned",
            needs="triage",
        )
        for verb, summary, body in _SINGLE
    ),
)
