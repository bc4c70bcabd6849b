"""Releases of a project: what of each is new, came back, or was solved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from marshmallow import fields, validate

from app.api.answers import page_of
from app.api.arguments import Paged, bad_argument
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.groups import now
from app.api.projects import find_project
from app.api.triage_shapes import Release
from storage.errors import StoreDown
from storage.sql.release_list import Release as Row


class ReleaseArguments(Paged):
    """All releases, or one ``version``."""

    version = fields.String(load_default=None, validate=validate.Length(min=1, max=1000))


def list_releases(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /projects/{project}/releases, the one first seen last first."""
    project = find_project(desk, arguments["project"])
    releases = desk.stores.triage.releases
    if arguments["version"] is not None:
        found = releases.find(project.id, arguments["version"], now(desk))
        return {"items": told(desk, project.id, [found] if found else []), "next_cursor": None}
    try:
        page = releases.list(project.id, now(desk), arguments["cursor"], arguments["limit"])
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    return {"items": told(desk, project.id, page.items), "next_cursor": page.next_cursor}


def told(desk: Desk, project_id: int, releases: Sequence[Row]) -> list[dict[str, Any]]:
    """Releases as the API gives them; users are estimated by search, and null while it is away."""
    try:
        users = estimate_users(desk, project_id, [one.version for one in releases])
    except StoreDown:
        users = {}
    return [
        dict(
            Release().dump(
                {
                    **{name: getattr(one, name) for name in Row.__slots__},
                    "adoption": one.recent / one.recent_of if one.recent_of else None,
                    "users": users.get(one.version),
                    "crash_free": None,
                }
            )
        )
        for one in releases
    ]


def estimate_users(desk: Desk, project_id: int, versions: Sequence[str]) -> dict[str, int]:
    """About how many users crashed in each version; raises ``StoreDown`` while search is away."""
    floors = desk.stores.retention.terms.last_floors()
    return desk.stores.search.users_of(project_id, versions, floors)


ENDPOINTS = (
    Endpoint(
        "/projects/<path:project>/releases",
        "list_releases",
        "Versions of a project's application, with what of each is new, came back, or was solved",
        list_releases,
        page_of(Release),
        ReleaseArguments,
        scope="owned",
        needs="read",
    ),
)
