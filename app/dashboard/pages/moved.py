"""Addresses that pages had before: they lead to the new ones for good."""

from __future__ import annotations

from flask import Response

from app.api.endpoint import parse_id
from app.api.groups import find_group
from app.dashboard import links
from app.dashboard.leading import moved_to
from app.dashboard.page import Page, Visit


def group(visit: Visit) -> Response:
    """A group by its id alone."""
    found = find_group(visit.desk, visit.arguments["group_id"])
    project = links.ProjectName(found.project_id, found.project)
    return moved_to(links.group_of(project, found.id, found.number))


def event(visit: Visit) -> Response:
    """An occurrence; whether it is there, and whose, its own page finds out."""
    return moved_to(links.occurrence(parse_id(visit.arguments["event_id"], "event")))


def raw(visit: Visit) -> Response:
    """The bytes of an occurrence."""
    return moved_to(links.raw(parse_id(visit.arguments["event_id"], "event")))


PAGES = (
    Page("/groups/<group_id>", "moved_group", group, needs="read", scope="owned", twins=False),
    Page("/events/<event_id>", "moved_event", event, needs="read", scope="owned", twins=False),
    Page("/events/<event_id>/raw", "moved_raw", raw, needs="read", scope="owned", twins=False),
)
