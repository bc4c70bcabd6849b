"""Releases of a project: what of each is new, came back, or was solved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from marshmallow import fields, validate

from app.api.answers import page_of
from app.api.arguments import Paged, bad_argument
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.groups import now
from app.api.projects import find_project
from app.api.triage_shapes import Release
from storage.errors import StoreDown
from storage.sql.health import Health, Source
from storage.sql.release_list import Release as Row

HEALTH_DAYS = 14


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
    _, health = health_of(desk, project_id)
    crash_free = {one.version: one.crash_free_sessions for one in health if one.day is None}
    return [
        dict(
            Release().dump(
                {
                    **{name: getattr(one, name) for name in Row.__slots__},
                    "adoption": one.recent / one.recent_of if one.recent_of else None,
                    "users": users.get(one.version),
                    "crash_free": crash_free.get(one.version),
                }
            )
        )
        for one in releases
    ]


def estimate_users(desk: Desk, project_id: int, versions: Sequence[str]) -> dict[str, int]:
    """About how many users crashed in each version; raises ``StoreDown`` while search is away."""
    floors = desk.stores.retention.terms.last_floors()
    return desk.stores.search.users_of(project_id, versions, floors)


def health_of(desk: Desk, project_id: int) -> tuple[Source, list[Health]]:
    """The health of a project's versions in the last :data:`HEALTH_DAYS` days, and whose sessions
    tell of it; raises ``StoreDown``.
    """
    end = now(desk)
    return desk.stores.health.of(project_id, end - timedelta(days=HEALTH_DAYS), end)


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
