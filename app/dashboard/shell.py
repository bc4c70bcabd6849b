"""What surrounds every page: who looks, the way to other pages, the numbers, and how it looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.api.access import Need, require_right
from app.api.projects import visible_projects
from app.dashboard import links
from app.dashboard.links import Named
from app.dashboard.page import Page, Section, Visit, shows_project
from app.dashboard.preferences import Preferences
from app.dashboard.strip import Count, Strip
from app.errors import ApiError
from storage.sql.projects import Project
from storage.sql.tokens import NOBODY

_RIGHTS: tuple[Need, ...] = ("read", "triage", "operate", "admin")


@dataclass(frozen=True, slots=True)
class Link:
    """A way to another page. ``key`` goes there after ``g``; ``current`` is where one is."""

    label: str
    href: str
    key: str | None
    current: bool


@dataclass(frozen=True, slots=True)
class Shell:
    """``here`` is the path with its query, where forms of the shell lead back to; ``twins`` are
    this page's text twins by kind. ``caller`` is null for who is not signed in; ``rights`` are
    those that they have in the project, or in the installation: forms are shown by them.
    """

    caller: str | None
    project: Named | None
    projects: tuple[Link, ...]
    sections: tuple[Link, ...]
    rooms: tuple[Link, ...]
    counts: tuple[Count, ...]
    preferences: Preferences
    as_of: datetime
    request_id: str
    here: str
    twins: tuple[tuple[str, str], ...]
    live: bool
    rights: frozenset[Need]


@dataclass(frozen=True, slots=True)
class Looking:
    """What of the request the shell tells: path and query as sent, an id for the log, and how
    its reader wants pages to look.
    """

    path: str
    query: str
    id: str
    preferences: Preferences

    @property
    def here(self) -> str:
        """The path with its query."""
        return f"{self.path}?{self.query}" if self.query else self.path


class ShellMaker:
    """Makes the shell of a page from the rows of all pages."""

    def __init__(self, pages: Sequence[Page], strip: Strip) -> None:
        self._placed = [page for page in pages if page.place]
        self._strip = strip

    def shell(
        self, looking: Looking, visit: Visit, page: Page | None, project: Named | None
    ) -> Shell:
        """The shell of ``page``, or of a problem where it is null, in ``project`` if it is of one.
        What a store that is away cannot give goes to the visit's gaps.
        """
        signed_in = visit.desk.caller != NOBODY
        projects: list[Project] = []
        if signed_in:
            projects = visit.gaps.fill(
                "the list of projects", lambda: visible_projects(visit.desk), []
            )
        return Shell(
            caller=visit.desk.caller.name if signed_in else None,
            project=project,
            projects=tuple(_switch(one, project) for one in projects),
            sections=self._ways("project", visit, page, project) if project else (),
            rooms=self._ways("installation", visit, page, None) if signed_in else (),
            counts=self._counts(visit, page, project) if signed_in else (),
            preferences=looking.preferences,
            as_of=visit.now,
            request_id=looking.id,
            here=looking.here,
            twins=_twins(looking, page),
            live=page is not None and page.live,
            rights=frozenset(need for need in _RIGHTS if signed_in and _may(visit, need, project)),
        )

    def _ways(
        self, section: Section, visit: Visit, page: Page | None, project: Named | None
    ) -> tuple[Link, ...]:
        ways = []
        for placed in self._placed:
            place = placed.place
            if place and place.section == section and _may(visit, placed.needs, project):
                href = _path(placed, project)
                ways.append(Link(place.label, href, place.key, placed is page))
        return tuple(ways)

    def _counts(self, visit: Visit, page: Page | None, project: Named | None) -> tuple[Count, ...]:
        section: Section = "project" if project else "installation"
        if section == "installation" and (page is None or page.place is None):
            return ()
        return self._strip.counts(section, project, lambda need: _may(visit, need, project))


def _may(visit: Visit, need: Need, project: Named | None) -> bool:
    try:
        require_right(visit.desk.caller, need, project.id if project else None, "page")
    except ApiError:
        return False
    return True


def _path(page: Page, project: Named | None) -> str:
    if project and shows_project(page.rule):
        return page.rule.replace("<project>", links.project_segment(project))
    return page.rule


def _switch(project: Named, current: Named | None) -> Link:
    is_current = current is not None and project.id == current.id
    return Link(project.name, links.groups(project), None, is_current)


def _twins(looking: Looking, page: Page | None) -> tuple[tuple[str, str], ...]:
    if page is None or not page.twins:
        return ()
    query = f"?{looking.query}" if looking.query else ""
    return tuple((kind, links.twin(looking.path, kind) + query) for kind in links.TWINS)
