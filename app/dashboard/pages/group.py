"""A group with one of its occurrences: where it stands, how it went, and what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, validate

from app.api.endpoint import parse_id
from app.api.groups import find_group
from app.dashboard import links
from app.dashboard.charts import Chart
from app.dashboard.crash.crumbs import LEVELS
from app.dashboard.crash.occurrence import Asked, OccurrenceView
from app.dashboard.crash.reading import read_occurrence
from app.dashboard.page import Page, Visit
from app.dashboard.pages.groups import GroupRow, group_row
from app.dashboard.triage.facets import FacetsView, facets_view
from app.dashboard.triage.steps import Steps, Walk
from app.dashboard.triage.telling import Told, telling
from app.dashboard.triage.trend import trend_chart
from app.errors import not_found
from events.ids import id_time
from storage.sql.groups import Group, Member
from storage.sql.trends import window_until
from workbench.group_facets import group_facets

#: The chart of a group: so many days.
DAYS = 30
_ACTIVITY = 8
_MEMBERS = 50
_VERSIONS = 30
_MOST_DIGITS = 18

OF_GROUP = "/p/<project>/g/<group>"
"""The rule of a group; those of what belongs to it begin so."""


class OccurrenceArguments(Schema):
    """How an occurrence is shown: breadcrumbs of a level or above, libraries' frames open, and all
    that was kept of it.
    """

    level = fields.String(load_default="", validate=validate.OneOf(["", *LEVELS]))
    frames = fields.String(load_default="app", validate=validate.OneOf(["app", "all"]))
    show = fields.String(load_default="some", validate=validate.OneOf(["some", "all"]))


class GroupArguments(OccurrenceArguments):
    """``q`` is a filter of occurrences, which going on to others keeps."""

    q = fields.String(load_default=None, validate=validate.Length(max=2000))


@dataclass(frozen=True, slots=True)
class MemberView:
    """A fingerprint of a merged group."""

    id: str
    number: int | None
    title: str
    culprit: str
    count: int
    users: int
    last_seen: datetime
    discarded: bool


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group and one of its occurrences, null when none is there: ``gone`` says why, if it was
    asked for. ``path`` is the group's own; ``versions`` are the latest of those it occurred in.
    """

    title: str
    path: str
    group: GroupRow
    dropped: int
    first_version: str
    last_version: str
    versions: tuple[str, ...]
    trend: Chart
    occurrence: OccurrenceView | None
    gone: str
    steps: Steps
    query: str
    facets: FacetsView
    members: tuple[MemberView, ...]
    activity: tuple[Told, ...]

    @property
    def http_status(self) -> int:
        """That of the answer."""
        return 404 if self.gone else 200


def of_path(visit: Visit) -> Group:
    """The group of a path, by its number or its id; raises ``ApiError`` 404."""
    project, reference = visit.of_project, visit.arguments["group"]
    if reference.isascii() and reference.isdigit() and len(reference) <= _MOST_DIGITS:
        numbered = visit.desk.stores.groups.find_number(project.id, int(reference))
        if numbered is None:
            raise not_found("group")
        return numbered
    found = find_group(visit.desk, reference)
    if found.project_id != project.id:
        raise not_found("group")
    return found


def path_of(visit: Visit, found: Group) -> str:
    """The path of a group's page."""
    return links.group_of(visit.of_project, found.id, found.number)


def asked_of(visit: Visit) -> Asked:
    """How the arguments ask for an occurrence."""
    asked = visit.arguments
    return Asked(asked["level"], asked["frames"] == "all", asked["show"] == "all")


def group(visit: Visit) -> GroupView:
    """The group that the path names, with the occurrence that tells most."""
    found, members, walk = _walk(visit)
    shown, steps = walk.first()
    return _view(visit, found, members, walk, shown, steps)


def occurrence(visit: Visit) -> GroupView:
    """The group that the path names, with the occurrence that it names."""
    found, members, walk = _walk(visit)
    event_id = parse_id(visit.arguments["event"], "event")
    return _view(visit, found, members, walk, event_id, walk.at(event_id))


def _walk(visit: Visit) -> tuple[Group, Sequence[Member], Walk]:
    found = of_path(visit)
    members = visit.desk.stores.groups.members(found.id)
    ids = [member.id for member in members]
    return found, members, Walk(visit, found, ids, path_of(visit, found))


def _view(
    visit: Visit,
    found: Group,
    members: Sequence[Member],
    walk: Walk,
    shown: UUID | None,
    steps: Steps,
) -> GroupView:
    event = visit.desk.stores.events.find(shown) if shown else None
    if event is not None and event.group_id not in {member.id for member in members}:
        event = None
    versions = visit.desk.stores.triage.trends.versions(found.id)
    return GroupView(
        title=found.title,
        path=path_of(visit, found),
        group=group_row(found, visit.of_project, visit.now, ()),
        dropped=found.dropped,
        first_version=versions[0].version if versions else "",
        last_version=max(versions, key=lambda one: one.last_seen).version if versions else "",
        versions=tuple(one.version for one in versions[::-1] if one.version)[:_VERSIONS],
        trend=_trend(visit, found),
        occurrence=read_occurrence(visit, event, asked_of(visit)) if event else None,
        gone=_gone(visit, found, shown) if event is None and shown else "",
        steps=steps if event else replace(steps, compare=None),
        query=visit.arguments["q"] or "",
        facets=_facets(visit, found, members, walk),
        members=tuple(map(_member, members[:_MEMBERS])) if found.members > 1 else (),
        activity=_activity(visit, found),
    )


def _trend(visit: Visit, found: Group) -> Chart:
    triage = visit.desk.stores.triage
    window = window_until(visit.now, DAYS, 24)
    counts = triage.trends.of_group(found.id, window)
    marks = triage.releases.marks(found.project_id, window.start, window.end, 10)
    return trend_chart(window, counts, marks)


def _facets(visit: Visit, found: Group, members: Sequence[Member], walk: Walk) -> FacetsView:
    """How its occurrences spread. With a filter search is asked for those that it finds instead."""
    if walk.filtered:
        return FacetsView(told="Values are counted for the whole group, without a filter.")
    stores = visit.desk.stores
    path = path_of(visit, found)

    def read() -> FacetsView:
        ids = [member.id for member in members]
        floors = stores.retention.terms.last_floors()
        facets = group_facets(stores.search, stores.groups, floors, found, ids)
        return facets_view(facets, lambda query: links.occurrences(path, q=query))

    return visit.gaps.fill("what its occurrences have in common", read, FacetsView())


def _gone(visit: Visit, found: Group, event_id: UUID) -> str:
    """Why an occurrence is not there, as far as it is known."""
    day = f"{id_time(event_id):%Y-%m-%d}" if event_id.version == 7 else ""
    floors = visit.desk.stores.retention.terms.floors()
    if day and floors.hidden(found.project_id, found.type, event_id):
        return f"This occurrence was received on {day}; its term is over, so it is not kept."
    return "This group has no such occurrence: it was erased, or is of another group."


def _member(member: Member) -> MemberView:
    return MemberView(
        str(member.id),
        member.number,
        member.title,
        member.culprit or "",
        member.count,
        member.users,
        member.last_seen,
        member.discarded,
    )


def _activity(visit: Visit, found: Group) -> tuple[Told, ...]:
    page = visit.desk.stores.triage.history.list(found.id, limit=_ACTIVITY)
    return tuple(telling(entry, visit.desk.caller.name) for entry in page.items)


def _page(rule: str, name: str, view: Any) -> Page:
    return Page(
        rule,
        name,
        view,
        "pages/group.html",
        GroupArguments,
        needs="read",
        markdown="pages/crash.md",
    )


PAGES = (
    _page(OF_GROUP, "group", group),
    _page(f"{OF_GROUP}/o/<event>", "group_occurrence", occurrence),
)
