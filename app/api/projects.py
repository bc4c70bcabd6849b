"""Projects: the tenants."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from app.addresses import public_url
from app.api import answers
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.times import iso
from app.errors import not_found
from app.refusing import telling
from config.settings import Settings
from events.sentry.dsn import dsn
from storage.sql.projects import MAX_NAME_CHARS, Project


class ProjectBody(Schema):
    """A project to make."""

    name = fields.String(required=True, validate=validate.Length(min=1, max=MAX_NAME_CHARS))


class NewProject(answers.Project):
    """A project that was made, with its key for Raygun's SDKs, which is not shown again."""

    key = fields.String(required=True)


def list_projects(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /projects: all that the caller may see, in one page."""
    del arguments
    items = [_dump(desk.stores.settings, project) for project in visible_projects(desk)]
    return {"items": items, "next_cursor": None}


def create_project(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /projects."""
    with telling("name"):
        project, key = desk.stores.keys.create_project(arguments["name"], arguments["actor"])
    return {**_dump(desk.stores.settings, project), "key": key}


def find_project(desk: Desk, name: str) -> Project:
    """The project of a name, where the caller has the right that the row needs.

    Raises ``ApiError`` 404, also for one that the caller may not see, 403, and ``StoreDown``.
    """
    project = desk.stores.projects.by_name(name)
    if project is None:
        raise not_found("project")
    desk.require(project.id, "project")
    return project


def visible_projects(desk: Desk) -> list[Project]:
    """The projects that the caller may see, by name; raises ``StoreDown``."""
    return [project for project in desk.stores.projects.list() if desk.caller.sees(project.id)]


def project_dsn(settings: Settings, project: Project) -> str | None:
    """What Sentry's SDKs are set up with; null when all keys that it could have are revoked."""
    key = project.public_key
    return None if key is None else dsn(public_url(settings), key, project.id)


def _dump(settings: Settings, project: Project) -> dict[str, Any]:
    return {
        "id": project.id,
        "name": project.name,
        "created_at": iso(project.created_at),
        "dsn": project_dsn(settings, project),
    }


ENDPOINTS = (
    Endpoint(
        "/projects",
        "list_projects",
        "Every project that the token may see",
        list_projects,
        answers.page_of(answers.Project),
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/projects",
        "create_project",
        "Make a project with its first keys",
        create_project,
        NewProject,
        method="POST",
        body=ProjectBody,
        needs="admin",
    ),
)
