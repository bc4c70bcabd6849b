"""Erasures: taking events out of every store, for good. Workers drive them to their end."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.api.answers import page_of
from app.api.arguments import Paged, bad_argument
from app.api.endpoint import Arguments, Desk, Endpoint, parse_id
from app.api.erasure_shapes import Erasure as Shape
from app.api.erasure_shapes import ErasureBody
from app.api.names import narrowed
from app.errors import ApiError
from storage.erasure import Erasure
from workbench.erasure.asking import Unaskable
from workbench.erasure.subjects import NoKey


def ask_erasure(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /erasures. Who has rights in projects alone erases events and users of those."""
    try:
        erasure_id = _asked(desk, arguments)
    except Unaskable as exc:
        raise bad_argument(exc.argument, str(exc)) from exc
    except NoKey as exc:
        raise ApiError(503, "erasure_key_missing", f"{exc}.") from exc
    found = desk.stores.erasing.erasures.find(erasure_id)
    if found is None:
        raise _not_found()
    return _dump(desk, found)


def _asked(desk: Desk, arguments: Arguments) -> UUID:
    asking, actor = desk.stores.erasing.asking, arguments["actor"]
    if arguments["kind"] == "event":
        return asking.event(arguments["event"], _number(desk, arguments), actor)
    if arguments["kind"] == "project":
        desk.require(None, "erasing a project")
        return asking.project(arguments["project"], actor)
    project = _named(desk, arguments)
    if project is None:
        raise bad_argument("project", "a user is one of a project: name it")
    return asking.user(project, arguments["user"], actor)


def _named(desk: Desk, arguments: Arguments) -> str | None:
    return narrowed(arguments, desk.caller, desk.needs)["project"]  # type: ignore[no-any-return]


def _number(desk: Desk, arguments: Arguments) -> int | None:
    return desk.names.number(_named(desk, arguments))


def list_erasures(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /erasures, newest first."""
    try:
        page = desk.stores.erasing.erasures.list(
            arguments["cursor"], arguments["limit"], desk.caller.projects()
        )
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    items = [_dump(desk, one) for one in page.items]
    return {"items": items, "next_cursor": page.next_cursor}


def read_erasure(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /erasures/{erasure_id}: what was erased where, and what is not gone yet."""
    found = desk.stores.erasing.erasures.find(parse_id(arguments["erasure_id"], "erasure"))
    if found is None or not desk.caller.may("read", found.project_id):
        raise _not_found()
    return _dump(desk, found)


def _dump(desk: Desk, erasure: Erasure) -> dict[str, Any]:
    return dict(Shape().dump(desk.stores.erasing.reports.document(erasure)))


def _not_found() -> ApiError:
    return ApiError(404, "erasure_not_found", "There is no such erasure.")


ENDPOINTS = (
    Endpoint(
        "/erasures",
        "ask_erasure",
        "Erase an event, a user's events or a project from every store, for good",
        ask_erasure,
        Shape,
        method="POST",
        body=ErasureBody,
        scope="owned",
        needs="admin",
    ),
    Endpoint(
        "/erasures",
        "list_erasures",
        "Erasures, newest first",
        list_erasures,
        page_of(Shape),
        Paged,
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/erasures/<erasure_id>",
        "read_erasure",
        "What an erasure erased where, and what is not gone yet",
        read_erasure,
        Shape,
        scope="owned",
        needs="read",
    ),
)
