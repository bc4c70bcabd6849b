"""Projects: the tenants."""

from __future__ import annotations

from typing import Any

from app.api import answers
from app.api.endpoint import Arguments, Desk, Endpoint
from storage.sql.projects import Project


def list_projects(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /projects: all that the caller may see, in one page."""
    del arguments
    items = answers.Project(many=True).dump(visible_projects(desk))
    return {"items": items, "next_cursor": None}


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
