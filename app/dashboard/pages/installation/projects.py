"""The projects of the installation, in a tab of its settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from marshmallow import Schema, fields, validate

from app.dashboard import links
from app.dashboard.page import Action, Page, SeeOther, Tab, Visit
from app.dashboard.pages.installation.users import OF
from app.refusing import telling

HERE = links.installation("projects")


class ProjectForm(Schema):
    """A project to make."""

    name = fields.String(load_default="", validate=validate.Length(max=500))


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """A project, and the way to its settings."""

    id: int
    name: str
    href: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ProjectsView:
    """Every project."""

    title: str
    projects: tuple[ProjectRow, ...]


def projects(visit: Visit) -> ProjectsView:
    """Every project, by name."""
    rows = (
        ProjectRow(one.id, one.name, links.settings(one), one.created_at)
        for one in visit.desk.stores.projects.list()
    )
    return ProjectsView("Projects", tuple(rows))


def create(visit: Visit) -> SeeOther:
    """Make a project; its page of setting up has its keys."""
    with telling("name"):
        project, _ = visit.desk.stores.keys.create_project(
            visit.arguments["name"], visit.desk.caller.actor
        )
    return SeeOther(links.setup(project), "The project is made. Now point an SDK at it.")


PROJECTS = Page(
    HERE,
    "all_projects",
    projects,
    "pages/installation/projects.html",
    needs="admin",
    table="projects",
    tab=Tab("Projects", OF),
)
PAGES = (PROJECTS,)
ACTIONS = (Action(HERE, "create_project", create, ProjectForm, again=PROJECTS),)
