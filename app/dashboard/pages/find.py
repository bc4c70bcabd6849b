"""The search box of every page: leads to what was typed, a thing by its id, or a search."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from flask import Response
from marshmallow import Schema, fields, validate

from app.api.projects import visible_projects
from app.api.receipts import full_receipt
from app.dashboard import links
from app.dashboard.leading import lead_to
from app.dashboard.page import Page, Visit
from app.errors import ApiError


class FindArguments(Schema):
    """What was typed, and on a page of which project."""

    q = fields.String(load_default="", validate=validate.Length(max=2000))
    project = fields.String(load_default=None, validate=validate.Length(max=200))


@dataclass(frozen=True, slots=True)
class Way:
    """A project to search in."""

    project: str
    href: str


@dataclass(frozen=True, slots=True)
class FindView:
    """Typed where no project was chosen: in which one to search."""

    title: str
    typed: str
    is_id: bool
    ways: tuple[Way, ...]


def find(visit: Visit) -> FindView | Response:
    """Leads to the event or group of an id, or to the search of the project that is meant."""
    typed = visit.arguments["q"].strip()
    event_or_group = _uuid(typed)
    if event_or_group and (path := _thing(visit, event_or_group)):
        return lead_to(path)
    projects = visible_projects(visit.desk)
    meant = [one for one in projects if one.name == visit.arguments["project"]] or projects
    if len(meant) == 1 and not event_or_group:
        return lead_to(links.groups(meant[0], query=typed))
    ways = tuple(Way(one.name, links.groups(one, query=typed)) for one in projects)
    return FindView("Search", typed, event_or_group is not None, ways)


def _uuid(typed: str) -> UUID | None:
    try:
        return UUID(typed)
    except ValueError:
        return None


def _thing(visit: Visit, thing_id: UUID) -> str | None:
    """Where the event or group of an id is, if the reader may see it; of an event that is not
    stored its receipt.
    """
    stores = visit.desk.stores
    sees = visit.desk.caller.sees
    if (event := stores.events.find(thing_id)) and sees(event.project_id):
        return links.occurrence(event.id)
    if (group := stores.groups.find(thing_id)) and sees(group.project_id):
        project = links.ProjectName(group.project_id, group.project)
        return links.group_of(project, group.id, group.number)
    return links.receipt(thing_id) if _has_receipt(visit, thing_id) else None


def _has_receipt(visit: Visit, event_id: UUID) -> bool:
    """Whether anything is known of an event that has no row: it died, waits, or was erased."""
    try:
        full_receipt(visit.desk, event_id)
    except ApiError:
        return False
    return True


PAGES = (Page("/find", "find", find, "pages/find.html", FindArguments, needs="signed_in"),)
