"""Projects: the tenants."""

from __future__ import annotations

from typing import Any

from flask import request

from app.api import answers
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.times import iso
from app.errors import not_found
from events.sentry.dsn import dsn
from storage.sql.projects import Project


def list_projects(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /projects: all that the caller may see, in one page."""
    del arguments
    base = desk.stores.settings.web_public_url or request.host_url
    items = [
        {
            "id": project.id,
            "name": project.name,
            "created_at": iso(project.created_at),
            "dsn": project.public_key and dsn(base, project.public_key, project.id),
        }
        for project in visible_projects(desk)
    ]
    return {"items": items, "next_cursor": None}


def find_project(desk: Desk, name: str) -> Project:
    """The project of a name; raises ``ApiError`` 404 and ``StoreDown``."""
    project = desk.stores.projects.by_name(name)
    if project is None:
        raise not_found("project")
    desk.require(project.id, "project")
    return project


def visible_projects(desk: Desk) -> list[Project]:
    """The projects that the caller may see, by name; raises ``StoreDown``."""
    return [project for project in desk.stores.projects.list() if desk.caller.sees(project.id)]


ENDPOINTS = (
    Endpoint(
        "/projects",
        "list_projects",
        "Every project that the token may see",
        list_projects,
        answers.page_of(answers.Project),
        scope="owned",
    ),
)
