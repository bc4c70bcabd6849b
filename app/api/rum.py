"""Real-user monitoring: a project's vitals and pages, and one page."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from app.api import rum_answers
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.projects import find_project
from app.api.scopes import ScopeArguments, scope_of
from storage.rum import PageDetail, RumOverview
from storage.search.scope import Scope
from storage.sql.projects import Project


class PageArguments(ScopeArguments):
    """Which page: a path as the table has it, or a path rule."""

    page = fields.String(required=True, validate=validate.Length(min=1, max=500))


def stored_events(desk: Desk, project: Project, scope: Scope) -> int:
    """How many RUM events of a span are stored, by the ledger: what is known without search.

    Raises ``StoreDown``.
    """
    first, last = (int(moment.timestamp() // 60) for moment in (scope.start, scope.end))
    settled = desk.stores.settled.minutes(project.name, first, last)
    return sum(counts.stored for (_, _, kind), counts in settled.items() if kind == "rum")


def read_rum(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /projects/{project}/rum."""
    project = find_project(desk, arguments["project"])
    scope = scope_of(desk, project, arguments)
    found = desk.stores.rum.overview(project.id, scope)
    shown = {**_fields(found.overview), "pages": found.pages, "movers": found.movers}
    return dict(rum_answers.Overview().dump({**_asked(project, scope), **shown}))


def read_page(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /projects/{project}/rum/page."""
    project = find_project(desk, arguments["project"])
    scope = scope_of(desk, project, arguments)
    found = desk.stores.rum.one(project.id, scope, arguments["page"])
    shown = {"page": found.page, "rule": found.rule, "errors": found.errors}
    answer = {**_asked(project, scope), **_fields(found.detail), **shown}
    return dict(rum_answers.PageDetail().dump(answer))


def _asked(project: Project, scope: Scope) -> dict[str, Any]:
    return {"project": project.name, "start": scope.start, "end": scope.end}


def _fields(shown: RumOverview | PageDetail) -> dict[str, Any]:
    return {name: getattr(shown, name) for name in shown.__slots__}


ENDPOINTS = (
    Endpoint(
        "/projects/<path:project>/rum",
        "read_rum",
        "Web vitals, pages and the pages that got slower, of the last 7 days by default",
        read_rum,
        rum_answers.Overview,
        ScopeArguments,
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/projects/<path:project>/rum/page",
        "read_rum_page",
        "One page: vitals, phases of loading, requests, browsers, crashes",
        read_page,
        rum_answers.PageDetail,
        PageArguments,
        scope="owned",
        needs="read",
    ),
)
