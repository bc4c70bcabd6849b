"""Users of an application: what they met, and everything that is theirs to take along."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from flask import Response
from marshmallow import Schema, fields, validate

from app.api import session_answers
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.projects import find_project
from app.api.scopes import all_time
from app.errors import not_found
from storage.sql.projects import Project
from workbench.erasure.asking import MAX_USER_CHARS
from workbench.people import UserView, told_user


class UserArguments(Schema):
    """A user by identifier or e-mail."""

    user = fields.String(required=True, validate=validate.Length(min=1, max=MAX_USER_CHARS))


def find_user(desk: Desk, project: Project, user: str) -> UserView:
    """A user of a project; raises ``ApiError`` 404 and ``StoreDown``."""
    found = desk.stores.people.user(user, all_time(desk, project))
    if found is None:
        raise not_found("user")
    return found


def read_user(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /projects/{project}/user."""
    project = find_project(desk, arguments["project"])
    found = find_user(desk, project, arguments["user"])
    return dict(session_answers.AppUser().dump(told_user(project.name, found)))


def export_user(desk: Desk, arguments: Arguments) -> Response:
    """GET /projects/{project}/user/export: hostile bytes, so never to be rendered by a browser."""
    project = find_project(desk, arguments["project"])
    found = find_user(desk, project, arguments["user"])
    # Asked for before the answer begins, so that an outage is still a 503.
    desk.stores.database.check()
    response = Response(_lines(desk, project, found), content_type="application/x-ndjson")
    response.headers["Content-Disposition"] = 'attachment; filename="user.ndjson"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _lines(desk: Desk, project: Project, found: UserView) -> Iterator[bytes]:
    """What is known of the user, then each event with its payload, newest first."""
    shown = session_answers.AppUser().dump(told_user(project.name, found))
    yield orjson.dumps(shown, option=orjson.OPT_APPEND_NEWLINE)
    scope = all_time(desk, project)
    for line in desk.stores.people.export(found.user, scope, desk.stores.payloads):
        yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


ENDPOINTS = (
    Endpoint(
        "/projects/<path:project>/user",
        "read_user",
        "A user: groups, sessions and devices",
        read_user,
        session_answers.AppUser,
        UserArguments,
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/projects/<path:project>/user/export",
        "export_user",
        "All that is known of a user with every payload, as NDJSON",
        export_user,
        None,
        UserArguments,
        scope="owned",
        needs="read",
    ),
)
