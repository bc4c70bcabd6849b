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
    """POST /erasures. A token of one project erases that project's events and users alone."""
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
        return asking.event(arguments["event"], desk.caller.project_id, actor)
    if arguments["kind"] == "project":
        desk.require(None, "erasing a project")
        return asking.project(arguments["project"], actor)
    project = narrowed(arguments, desk.caller)["project"]
    if project is None:
        raise bad_argument("project", "a user is one of a project: name it")
    return asking.user(project, arguments["user"], actor)


def list_erasures(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /erasures, newest first."""
    try:
        page = desk.stores.erasing.erasures.list(
            arguments["cursor"], arguments["limit"], desk.caller.project_id
        )
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    items = [_dump(desk, one) for one in page.items]
    return {"items": items, "next_cursor": page.next_cursor}


def read_erasure(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /erasures/{erasure_id}: what was erased where, and what is not gone yet."""
    found = desk.stores.erasing.erasures.find(parse_id(arguments["erasure_id"], "erasure"))
    limited = desk.caller.project_id is not None
    if found is None or (limited and found.project_id != desk.caller.project_id):
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
    ),
    Endpoint(
        "/erasures",
        "list_erasures",
        "Erasures, newest first",
        list_erasures,
        page_of(Shape),
        Paged,
        scope="owned",
    ),
    Endpoint(
        "/erasures/<erasure_id>",
        "read_erasure",
        "What an erasure erased where, and what is not gone yet",
        read_erasure,
        Shape,
        scope="owned",
    ),
)
