"""Sessions of real users: a list, and one with its timeline and crashes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from marshmallow import Schema, fields, validate

from app.api import session_answers
from app.api.answers import page_of
from app.api.arguments import bad_argument
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.projects import find_project
from app.api.scopes import PagedScopeArguments, all_time, scope_of
from app.errors import ApiError, not_found
from storage.model import Page
from storage.session import Session, SessionRow
from storage.sql.projects import Project
from workbench.people import told_session

MAX_SESSION_CHARS = 200


class SessionArguments(Schema):
    """``project`` is needed only where several have events of this session's id."""

    project = fields.String(load_default=None, validate=validate.Length(max=200))


def page_of_sessions(desk: Desk, arguments: Arguments) -> Page[SessionRow]:
    """The sessions that ``PagedScopeArguments`` ask of a project.

    Raises ``ApiError`` and ``StoreDown``.
    """
    project = find_project(desk, arguments["project"])
    scope = scope_of(desk, project, arguments)
    try:
        return desk.stores.people.listed(scope, arguments["cursor"], arguments["limit"])
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None


def find_session(desk: Desk, session_id: str, named: str | None) -> tuple[Project, Session]:
    """A session by its id, with its project; raises ``ApiError`` 404, 409 where it is of several
    projects, and ``StoreDown``.
    """
    if not 1 <= len(session_id) <= MAX_SESSION_CHARS or not session_id.isprintable():
        raise not_found("session")
    project = None if named is None else find_project(desk, named)
    session = desk.stores.people.session(session_id, all_time(desk, project))
    if session is None:
        raise not_found("session")
    if project is None:
        project = _project(desk, session.projects)
        if len(session.projects) > 1:
            return find_session(desk, session_id, project.name)
    return project, session


def _project(desk: Desk, numbers: Sequence[int]) -> Project:
    """The one of some projects that the caller may see."""
    known = {project.id: project for project in desk.stores.projects.list()}
    found = [known[one] for one in numbers if one in known and desk.caller.sees(one)]
    if not found:
        raise not_found("session")
    if len(found) > 1:
        names = ", ".join(project.name for project in found)
        raise ApiError(
            409, "session_ambiguous", f"Several projects have such a session; name one: {names}."
        )
    return found[0]


def list_sessions(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /projects/{project}/sessions, those that began last first."""
    page = page_of_sessions(desk, arguments)
    items = session_answers.SessionRow(many=True).dump(page.items)
    return {"items": items, "next_cursor": page.next_cursor}


def read_session(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /sessions/{session_id}."""
    project, session = find_session(desk, arguments["session_id"], arguments["project"])
    return dict(session_answers.Session().dump(told_session(project.name, session)))


ENDPOINTS = (
    Endpoint(
        "/projects/<path:project>/sessions",
        "list_sessions",
        "Sessions of real users that began in a span, newest first",
        list_sessions,
        page_of(session_answers.SessionRow),
        PagedScopeArguments,
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/sessions/<session_id>",
        "read_session",
        "A session: views, requests, vitals and crashes in order of time",
        read_session,
        session_answers.Session,
        SessionArguments,
        scope="owned",
        needs="read",
    ),
)
