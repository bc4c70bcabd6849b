"""What there is to a group beside its occurrences: history, fingerprints, trend, facets."""

from __future__ import annotations

from typing import Any

from app.api.answers import page_of
from app.api.arguments import Paged, bad_argument
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.groups import find_group, now, wanted_groups
from app.api.projects import find_project
from app.api.triage_shapes import (
    CommentBody,
    Done,
    Facets,
    Fingerprint,
    GroupVersion,
    History,
    StatusArguments,
    Statuses,
    Trend,
    TrendArguments,
)
from app.errors import not_found
from events.triage import STATUSES
from storage.sql.trends import window_until
from workbench.group_facets import GroupFacets, group_facets

_MAX_DIGITS = 19


def count_statuses(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /projects/{project}/statuses."""
    project = find_project(desk, arguments["project"])
    narrowed = wanted_groups(desk, {**arguments, "project": project.name, "status": None})
    counts = desk.stores.groups.statuses(narrowed.wanted)
    total = sum(counts[status] for status in STATUSES)
    known = {status: counts[status] for status in ("new", *STATUSES)}
    return {**known, "total": total, "notices": narrowed.notices()}


def list_history(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /groups/{group_id}/history, the last first."""
    group = find_group(desk, arguments["group_id"])
    try:
        page = desk.stores.triage.history.list(group.id, arguments["cursor"], arguments["limit"])
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    return {"items": History(many=True).dump(page.items), "next_cursor": page.next_cursor}


def comment(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /groups/{group_id}/comments."""
    group = find_group(desk, arguments["group_id"])
    desk.stores.triage.history.comment(group.id, arguments["text"], desk.caller.name)
    return {"done": True}


def take_back(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /groups/{group_id}/comments/{entry_id}/take-back: one's own alone."""
    group = find_group(desk, arguments["group_id"])
    history, entry_id = desk.stores.triage.history, arguments["entry_id"]
    is_number = entry_id.isascii() and entry_id.isdigit() and len(entry_id) < _MAX_DIGITS
    if not is_number or not history.take_back(group.id, int(entry_id), desk.caller.name):
        raise not_found("comment of yours")
    return {"done": True}


def list_fingerprints(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /groups/{group_id}/fingerprints, in one page."""
    group = find_group(desk, arguments["group_id"])
    members = desk.stores.groups.members(group.id)
    return {"items": Fingerprint(many=True).dump(members), "next_cursor": None}


def read_trend(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /groups/{group_id}/trend."""
    group = find_group(desk, arguments["group_id"])
    window = window_until(now(desk), arguments["spans"], arguments["hours"])
    counts = desk.stores.triage.trends.of_group(group.id, window)
    marks = desk.stores.triage.releases.marks(group.project_id, window.start, window.end)
    summed = [sum(column) for column in zip(*counts.values(), strict=True)]
    return dict(
        Trend().dump(
            {
                "start": window.start,
                "end": window.end,
                "hours": window.step,
                "counts": summed or [0] * window.spans,
                "versions": [{"version": name, "counts": one} for name, one in counts.items()],
                "releases": marks,
            }
        )
    )


def list_versions(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /groups/{group_id}/versions, by their first sight, in one page."""
    group = find_group(desk, arguments["group_id"])
    versions = desk.stores.triage.trends.versions(group.id)
    return {"items": GroupVersion(many=True).dump(versions), "next_cursor": None}


def read_facets(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /groups/{group_id}/facets; raises ``StoreDown`` while search is away."""
    group = find_group(desk, arguments["group_id"])
    stores = desk.stores
    ids = [member.id for member in stores.groups.members(group.id)]
    floors = stores.retention.terms.last_floors()
    return told_facets(group_facets(stores.search, stores.groups, floors, group, ids))


def told_facets(found: GroupFacets) -> dict[str, Any]:
    """Facets as the API gives them."""
    facets = [
        {
            "facet": name,
            "values": [{"value": value, "events": events} for value, events in values.items()],
            "more": found.facets.more.get(name, 0),
        }
        for name, values in found.facets.counted.values.items()
    ]
    return dict(
        Facets().dump(
            {
                "events": found.facets.counted.events,
                "sampled": found.facets.sampled,
                "other_sampled": found.other_sampled,
                "facets": facets,
                "unusual": found.unusual,
                "notices": found.notices(),
            }
        )
    )


ENDPOINTS = (
    Endpoint(
        "/projects/<path:project>/statuses",
        "count_statuses",
        "How many groups that match a query are new, open, regressed, resolved and ignored",
        count_statuses,
        Statuses,
        StatusArguments,
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/groups/<group_id>/history",
        "list_history",
        "What happened to a group: decisions, comments, regressions",
        list_history,
        page_of(History),
        Paged,
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/groups/<group_id>/comments",
        "comment_group",
        "Say something on a group",
        comment,
        Done,
        method="POST",
        body=CommentBody,
        scope="owned",
        needs="triage",
    ),
    Endpoint(
        "/groups/<group_id>/comments/<entry_id>/take-back",
        "take_back_comment",
        "Take back a comment of one's own",
        take_back,
        Done,
        method="POST",
        scope="owned",
        needs="triage",
    ),
    Endpoint(
        "/groups/<group_id>/fingerprints",
        "list_fingerprints",
        "The fingerprints that are this group, with what came of each",
        list_fingerprints,
        page_of(Fingerprint),
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/groups/<group_id>/trend",
        "read_trend",
        "Occurrences over time and by version, with releases",
        read_trend,
        Trend,
        TrendArguments,
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/groups/<group_id>/versions",
        "list_group_versions",
        "The versions in which a group occurred",
        list_versions,
        page_of(GroupVersion),
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/groups/<group_id>/facets",
        "read_facets",
        "How a group's events spread over values, and which of them are unusual",
        read_facets,
        Facets,
        scope="owned",
        needs="read",
    ),
)
