"""Releases: what of each is new, came back, or was solved, and how far it is adopted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from marshmallow import Schema, fields, validate

from app.api.arguments import bad_argument
from app.api.releases import HEALTH_DAYS, estimate_users, health_of
from app.dashboard import links
from app.dashboard.gaps import TOO_LONG
from app.dashboard.links import Named
from app.dashboard.page import Page, Place, Visit
from app.dashboard.pages.groups import GroupRow, group_rows
from app.dashboard.paging import PageArguments, Paging, paging
from app.dashboard.telemetry.health import (
    HealthView,
    VersionHealth,
    health_rows,
    health_view,
    version_health,
)
from app.errors import not_found
from storage.query.parse import parse_query, quoted
from storage.sql.group_filter import GroupFilter
from storage.sql.health import Health, Source
from storage.sql.release_list import Release

_SHOWN = 10


class ReleaseArguments(Schema):
    """Which one. A version may be anything, so it is no part of the path."""

    version = fields.String(required=True, validate=validate.Length(min=1, max=1000))


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A release. ``users`` are estimated, null while search is away; ``adoption`` is the percentage
    of the last day's occurrences that are of it, null when there are none. ``crash_free`` is that
    of its sessions without a crash, and null without any.
    """

    version: str
    href: str
    first_seen: datetime
    last_seen: datetime
    new: int
    new_href: str
    regressed: int
    regressed_href: str
    resolved: int
    resolved_href: str
    groups: int
    groups_href: str
    events: int
    users: int | None
    adoption: float | None
    crash_free: float | None


@dataclass(frozen=True, slots=True)
class ReleasesView:
    """A page of releases, the one first seen last first. ``health`` is of all, null where it cannot
    be told.
    """

    title: str
    releases: tuple[ReleaseRow, ...]
    health: HealthView | None
    paging: Paging


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """A release, and the first of its groups: new ones, and those that came back. ``health`` is
    null without a session of it, and where ``health_known`` is false.
    """

    title: str
    release: ReleaseRow
    health: VersionHealth | None
    health_known: bool
    new: tuple[GroupRow, ...]
    regressed: tuple[GroupRow, ...]


def releases(visit: Visit) -> ReleasesView:
    """The project's releases; raises ``ApiError`` 400 for a bad cursor."""
    project, asked = visit.of_project, visit.arguments
    stored = visit.desk.stores.triage.releases
    try:
        page = stored.list(project.id, visit.now, asked["cursor"], asked["limit"])
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    source, found = _health(visit)
    health = health_view(project, source, found, HEALTH_DAYS) if source else None
    rows = _rows(visit, page.items, found)
    here = links.releases(project)
    return ReleasesView("Releases", rows, health, paging(here, asked, len(rows), page.next_cursor))


def release(visit: Visit) -> ReleaseView:
    """The release that the arguments name; raises ``ApiError`` 404."""
    project, version = visit.of_project, visit.arguments["version"]
    found = visit.desk.stores.triage.releases.find(project.id, version, visit.now)
    if found is None:
        raise not_found("release of this project")
    source, told = _health(visit)
    health = None
    if source:
        health = version_health(project, source, told, version, visit.now.date(), HEALTH_DAYS)
    (row,) = _rows(visit, [found], told)
    return ReleaseView(
        f"Release {version}",
        row,
        health,
        source is not None,
        _groups(visit, f"introduced:{quoted(version)}") if row.new else (),
        _groups(visit, f"regressed:{quoted(version)}") if row.regressed else (),
    )


def _health(visit: Visit) -> tuple[Source | None, Sequence[Health]]:
    """What is told of sessions; null of whom where it cannot be read now."""
    nothing: tuple[Source | None, Sequence[Health]] = (None, ())
    return visit.gaps.fill(
        "release health", lambda: health_of(visit.desk, visit.of_project.id), nothing, TOO_LONG
    )


def _rows(
    visit: Visit, found: Sequence[Release], health: Sequence[Health]
) -> tuple[ReleaseRow, ...]:
    project, versions = visit.of_project, [one.version for one in found]
    nobody: dict[str, int] = {}
    users = visit.gaps.fill(
        "users of releases", lambda: estimate_users(visit.desk, project.id, versions), nobody
    )
    crash_free = {row.version: row.crash_free_sessions for row in health_rows(project, health)}
    return tuple(
        _row(project, one, users.get(one.version), crash_free.get(one.version)) for one in found
    )


def _row(project: Named, one: Release, users: int | None, crash_free: float | None) -> ReleaseRow:
    def having(key: str) -> str:
        return links.groups(project, query=f"{key}:{quoted(one.version)}")

    return ReleaseRow(
        version=one.version,
        href=links.release(project, one.version),
        first_seen=one.first_seen,
        last_seen=one.last_seen,
        new=one.new,
        new_href=having("introduced"),
        regressed=one.regressed,
        regressed_href=having("regressed"),
        resolved=one.resolved,
        resolved_href=having("fixed"),
        groups=one.groups,
        groups_href=having("version"),
        events=one.events,
        users=users,
        adoption=round(100 * one.recent / one.recent_of, 1) if one.recent_of else None,
        crash_free=crash_free,
    )


def _groups(visit: Visit, query: str) -> tuple[GroupRow, ...]:
    """The groups that a query finds, those with most occurrences first."""
    wanted = GroupFilter(visit.now, visit.of_project.id, parse_query(query, "groups"))
    found = visit.desk.stores.groups.list(wanted, "count", limit=_SHOWN)
    return group_rows(visit, found.items) if found.items else ()


PAGES = (
    Page(
        "/p/<project>/releases",
        "releases",
        releases,
        "pages/releases.html",
        PageArguments,
        needs="read",
        table="releases",
        place=Place("Releases", key="r"),
    ),
    Page(
        "/p/<project>/release",
        "release",
        release,
        "pages/release.html",
        ReleaseArguments,
        needs="read",
    ),
)
