"""What surrounds every page: who looks, the way to other pages, the numbers, and how it looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.api.access import Need, has_right
from app.api.projects import visible_projects
from app.dashboard import links
from app.dashboard.links import Named
from app.dashboard.page import Page, Section, Visit, shows_project
from app.dashboard.preferences import Preferences
from app.dashboard.strip import Count, Strip
from storage.rights import NOBODY
from storage.sql.projects import Project

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
    this page's text twins by kind, ``tabs`` the pages beside it. ``caller`` is null for who is not
    signed in; ``rights`` are those that they have in the project, or in the installation: forms are
    shown by them.
    """

    caller: str | None
    project: Named | None
    projects: tuple[Link, ...]
    sections: tuple[Link, ...]
    rooms: tuple[Link, ...]
    tabs: tuple[Link, ...]
    counts: tuple[Count, ...]
    preferences: Preferences
    as_of: datetime
    request_id: str
    here: str
    twins: tuple[tuple[str, str], ...]
    live: bool
    refresh: int
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
        self._tabbed = [page for page in pages if page.tab]
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
            tabs=self._tabs(visit, page, project),
            counts=self._counts(visit, page, project) if signed_in else (),
            preferences=looking.preferences,
            as_of=visit.now,
            request_id=looking.id,
            here=looking.here,
            twins=_twins(looking, page),
            live=page is not None and page.live,
            refresh=page.refresh if page else 0,
            rights=frozenset(need for need in _RIGHTS if signed_in and _may(visit, need, project)),
        )

    def _ways(
        self, section: Section, visit: Visit, page: Page | None, project: Named | None
    ) -> tuple[Link, ...]:
        ways = []
        for placed in self._placed:
            place, shown = placed.place, self._first(placed, visit, project)
            if place and place.section == section and shown:
                current = page is not None and _stands(page, placed)
                ways.append(Link(place.label, _path(shown, project), place.key, current))
        return tuple(ways)

    def _first(self, placed: Page, visit: Visit, project: Named | None) -> Page | None:
        """The page of a place, or else the first of its tabs, that its reader may see."""
        tabs = [page for page in self._tabbed if _stands(page, placed)]
        return next((p for p in tabs or [placed] if _may(visit, p.needs, project)), None)

    def _tabs(self, visit: Visit, page: Page | None, project: Named | None) -> tuple[Link, ...]:
        if page is None or page.tab is None:
            return ()
        return tuple(
            Link(beside.tab.label, _path(beside, project), None, beside is page)
            for beside in self._tabbed
            if beside.tab and beside.tab.of == page.tab.of and _may(visit, beside.needs, project)
        )

    def _counts(self, visit: Visit, page: Page | None, project: Named | None) -> tuple[Count, ...]:
        section: Section = "project" if project else "installation"
        if section == "installation" and (page is None or page.place is None):
            return ()
        return self._strip.counts(section, project, lambda need: _may(visit, need, project))


def _stands(page: Page, placed: Page) -> bool:
    """Whether a page stands at the place of ``placed``: it is that, or a tab beside it."""
    return page is placed or (page.tab is not None and page.tab.of == placed.name)


def _may(visit: Visit, need: Need, project: Named | None) -> bool:
    return has_right(visit.desk.caller, need, project.id if project else None)


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
