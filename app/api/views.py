"""Saved views: named queries of a project's list of groups."""

from __future__ import annotations

from typing import Any

from app.api.arguments import bad_argument, query_of
from app.api.endpoint import Arguments, Desk, Endpoint, parse_id
from app.api.projects import find_project
from app.api.triage_shapes import Done, View, ViewBody, Views
from app.errors import not_found
from storage.errors import Rejected
from storage.sql.projects import Project
from storage.sql.saved_views import SavedView


def list_views(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /projects/{project}/views: shared ones, and the caller's own."""
    project = find_project(desk, arguments["project"])
    views = desk.stores.triage.views.list(project.id, desk.caller.name)
    return {"items": View(many=True).dump(views), "next_cursor": None}


def save_view(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /projects/{project}/views."""
    project = find_project(desk, arguments["project"])
    return dict(View().dump(keep_view(desk, project, arguments)))


def keep_view(desk: Desk, project: Project, arguments: Arguments) -> SavedView:
    """Save what ``ViewBody`` asks for. Raises ``ApiError`` 400 and ``StoreDown``."""
    query_of("query", arguments["query"], "groups")
    try:
        return desk.stores.triage.views.save(
            project.id,
            arguments["name"],
            arguments["query"],
            arguments["sort"],
            desk.caller.name,
            shared=arguments["shared"],
        )
    except Rejected as exc:
        raise bad_argument("name", exc.detail) from None


def remove_view(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /projects/{project}/views/{view_id}/remove: a shared one, or one's own."""
    project = find_project(desk, arguments["project"])
    view_id = parse_id(arguments["view_id"], "view")
    if not desk.stores.triage.views.remove(project.id, view_id, desk.caller.name):
        raise not_found("view")
    return {"done": True}


ENDPOINTS = (
    Endpoint(
        "/projects/<path:project>/views",
        "list_views",
        "Saved views of the list of groups",
        list_views,
        Views,
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/projects/<path:project>/views",
        "save_view",
        "Save a query of the list of groups under a name",
        save_view,
        View,
        method="POST",
        body=ViewBody,
        scope="owned",
        needs="triage",
    ),
    Endpoint(
        "/projects/<path:project>/views/<view_id>/remove",
        "remove_view",
        "Remove a saved view",
        remove_view,
        Done,
        method="POST",
        scope="owned",
        needs="triage",
    ),
)
