"""One row of the dashboard: a page, or a form that changes something.

A page is made in three steps: the route looks up who asks and which project the path names; the
row's ``view``, a plain function from storage ports to a frozen dataclass, gathers what is to be
seen; the row's template, or a text twin, shows it. Routes, checks, navigation and tests read the
same rows, which :mod:`app.dashboard.rows` gathers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from flask import Response
from marshmallow import Schema

from app.api.access import Need
from app.api.arguments import Nothing
from app.api.endpoint import Desk
from app.dashboard.gaps import Gaps
from storage.sql.projects import Project

Section = Literal["project", "installation"]
Scope = Literal["installation", "owned"]
"""Where the right is needed that a row without a project in its path asks for: in the installation,
or in the project of the thing that the path names, which the view asks :meth:`Visit.require` of.
"""


@dataclass(frozen=True, slots=True)
class Visit:
    """One look at a page: at whose desk, the project that the path names, and what was asked.

    ``gaps`` gathers what a store that is away could not give.
    """

    desk: Desk
    arguments: dict[str, Any]
    project: Project | None = None
    gaps: Gaps = field(default_factory=Gaps)

    @property
    def now(self) -> datetime:
        """The time of this look, in UTC."""
        return datetime.fromtimestamp(self.desk.now_ms() / 1000, UTC)

    @property
    def of_project(self) -> Project:
        """The project of a page that has one in its path."""
        if self.project is None:
            raise LookupError("this page's rule names no project")
        return self.project

    def require(self, project_id: int | None, what: str) -> None:
        """The check of a thing that the path names without its project: whether who asks may do in
        its project what the row needs. Raises ``ApiError`` 404 or 403.
        """
        self.desk.require(project_id, what)


class View(Protocol):
    """What a page shows: a frozen dataclass of plain values, which the JSON twin is, too.

    It may have ``http_status``, that of an answer which is not 200; ``gaps``, a tuple of
    :class:`app.dashboard.gaps.Gap`; ``paging``, an :class:`app.dashboard.paging.Paging`; and where
    the path names no project ``project``, an :class:`app.dashboard.links.Named`, the one that what
    is shown belongs to.
    """

    @property
    def title(self) -> str: ...


MakeView = Callable[[Visit], Any]
"""Makes a :class:`View`, or a ``Response`` that is given as it is: bytes, or another place."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page stands in the navigation. ``key`` goes there after ``g``."""

    label: str
    section: Section = "project"
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Tab:
    """Where a page stands beside others that share one place, that of the page named ``of``; which
    has a tab too, the first.
    """

    label: str
    of: str


@dataclass(frozen=True, slots=True)
class Page:
    """``rule`` may name a project as ``<project>``: it is looked up, and 404 for who may
    not see it. ``needs`` is the right to have there, and ``scope`` where else: a row that says
    nothing is for administrators of the installation alone.

    A ``live`` page can be refreshed by itself; it is every ``refresh`` seconds unless its reader
    chose otherwise, 0 for never.

    ``table`` names the view's list that the CSV twin holds; without one it is the whole view by
    names and values. ``markdown`` is a template for the Markdown twin where the general one will
    not do. ``twins`` is false for what is no view: bytes, and old addresses.
    """

    rule: str
    name: str
    view: MakeView
    template: str = ""
    arguments: type[Schema] = Nothing
    needs: Need = "admin"
    scope: Scope = "installation"
    table: str | None = None
    markdown: str | None = None
    place: Place | None = None
    tab: Tab | None = None
    live: bool = False
    refresh: int = 0
    twins: bool = True


@dataclass(frozen=True, slots=True)
class SeeOther:
    """Where a form leads, and what is said there. ``undo`` is the path of an action that takes it
    back, to which the field ``next`` gives the page to go back to.
    """

    path: str
    said: str = ""
    undo: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """A secret that a form made, to be shown once, on the page ``again`` of its action. ``note``
    says what it is for, and what else must be known.
    """

    label: str
    secret: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """A form that changes something: POST alone, with a token against other sites' forms.

    ``fields`` are those of the form. Its handler leads to another page, or shows the page ``again``
    once more: with what was entered and what is wrong with it where it refuses (without ``again`` a
    refusal has a page of its own), with what it :class:`Made`, or by a view that it gives.
    """

    rule: str
    name: str
    handler: Callable[[Visit], SeeOther | Made | Response | View]
    fields: type[Schema] = Nothing
    needs: Need = "admin"
    scope: Scope = "installation"
    again: Page | None = None


def shows_project(rule: str) -> bool:
    """Whether a rule names a project."""
    return "<project>" in rule
