"""The first page: the projects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.api.projects import visible_projects
from app.dashboard import links
from app.dashboard.gaps import Gap
from app.dashboard.page import Page, Visit


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """A project, and where its groups are."""

    name: str
    href: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class HomeView:
    """The projects that the reader may see."""

    title: str
    projects: tuple[ProjectRow, ...]
    gaps: tuple[Gap, ...] = ()


def home(visit: Visit) -> HomeView:
    """What there is to look at."""
    rows = (
        ProjectRow(project.name, links.groups(project), project.created_at)
        for project in visible_projects(visit.desk)
    )
    return HomeView("Projects", tuple(rows))


PAGES = (Page("/", "home", home, "pages/home.html", needs="signed_in", table="projects"),)
