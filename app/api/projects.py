"""Projects: the tenants."""

from __future__ import annotations

from typing import Any

from app.api import answers
from app.api.endpoint import Arguments, Desk, Endpoint


def list_projects(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /projects: all of them in one page."""
    del arguments
    items = answers.Project(many=True).dump(desk.stores.projects.list())
    return {"items": items, "next_cursor": None}


ENDPOINTS = (
    Endpoint(
        "/projects",
        "list_projects",
        "Every project",
        list_projects,
        answers.page_of(answers.Project),
    ),
)
