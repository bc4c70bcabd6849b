"""The first page: what needs somebody. Projects, those with the most to do first; how all is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from marshmallow import Schema, fields

from app.api.projects import visible_projects
from app.dashboard import links
from app.dashboard.gaps import STORES, Gap
from app.dashboard.light import Light, read_light
from app.dashboard.page import Page, Visit
from app.last_known import Known
from storage.search.impact import Impact
from storage.sql.attention import Attention
from storage.sql.projects import Project

LATELY = timedelta(hours=24)
MOST = 50
"""Projects that are shown unless all are asked for."""


class HomeArguments(Schema):
    """Whether to show every project."""

    all = fields.Boolean(load_default=False)


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """A project with its groups that are new or came back, and the crashes of the last 24 hours
    with the users that those met; null where nobody can tell.
    """

    name: str
    href: str
    setup_href: str
    new: int | None
    new_href: str
    regressed: int | None
    regressed_href: str
    crashes: int | None
    users: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Stale:
    """Numbers that are older than the page: a store could not tell newer ones."""

    what: str
    at: datetime
    store: str


@dataclass(frozen=True, slots=True)
class HomeView:
    """The projects that the reader may see; ``hidden`` more are not shown. ``light`` is null for
    who may not see the installation.
    """

    title: str
    projects: tuple[ProjectRow, ...]
    hidden: int
    light: Light | None
    stale: tuple[Stale, ...]
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class _Numbers:
    attention: Known[dict[int, Attention]] | None
    impact: Known[dict[int, Impact]] | None


def home(visit: Visit) -> HomeView:
    """What there is to look at."""
    projects = visible_projects(visit.desk)
    numbers = _numbers(visit, [project.id for project in projects])
    rows = sorted((_row(project, numbers) for project in projects), key=_urgency)
    shown = rows if visit.arguments["all"] else rows[:MOST]
    light = read_light(visit.desk) if visit.desk.caller.may("read", None) else None
    stale = (
        Stale(what, known.at, STORES.get(known.away, known.away))
        for what, known in (("Groups", numbers.attention), ("Crashes and users", numbers.impact))
        if known and known.away
    )
    return HomeView("Projects", tuple(shown), len(rows) - len(shown), light, tuple(stale))


def _numbers(visit: Visit, projects: Sequence[int]) -> _Numbers:
    stores, since, who = visit.desk.stores, visit.now - LATELY, tuple(projects)
    read = visit.desk.memory.read
    return _Numbers(
        visit.gaps.fill(
            "groups that wait",
            lambda: read(("attention", who), lambda: stores.attention.of_projects(who, visit.now)),
            None,
        ),
        visit.gaps.fill(
            "crashes and users",
            lambda: read(("impact", who), lambda: stores.search.impact(who, since)),
            None,
        ),
    )


def _row(project: Project, numbers: _Numbers) -> ProjectRow:
    attention = numbers.attention.value[project.id] if numbers.attention else None
    impact = numbers.impact.value[project.id] if numbers.impact else None
    return ProjectRow(
        project.name,
        links.groups(project),
        links.setup(project),
        attention.new if attention else None,
        links.groups(project, status="new"),
        attention.regressed if attention else None,
        links.groups(project, status="regressed"),
        impact.events if impact else None,
        impact.users if impact else None,
        project.created_at,
    )


def _urgency(row: ProjectRow) -> tuple[int, int, int, str]:
    return (-(row.regressed or 0), -(row.new or 0), -(row.users or 0), row.name)


PAGES = (
    Page(
        "/",
        "home",
        home,
        "pages/home.html",
        HomeArguments,
        needs="signed_in",
        table="projects",
        live=True,
    ),
)
