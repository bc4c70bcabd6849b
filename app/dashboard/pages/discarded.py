"""Fingerprints of which nothing more is stored, and storing them again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.api.arguments import bad_argument
from app.api.endpoint import parse_id
from app.dashboard import links
from app.dashboard.page import Action, Page, SeeOther, Visit
from app.dashboard.paging import PageArguments, Paging, paging
from app.errors import not_found


@dataclass(frozen=True, slots=True)
class DiscardedRow:
    """A discarded fingerprint; ``filtered`` events of it were left out so far."""

    id: str
    title: str
    culprit: str
    reason: str
    actor: str
    at: datetime
    filtered: int
    stop_href: str


@dataclass(frozen=True, slots=True)
class DiscardedView:
    """A page of discarded fingerprints, the last first."""

    title: str
    fingerprints: tuple[DiscardedRow, ...]
    paging: Paging


def discarded(visit: Visit) -> DiscardedView:
    """What the project discards; raises ``ApiError`` 400 for a bad cursor."""
    project, asked = visit.of_project, visit.arguments
    here = links.discarded(project)
    try:
        page = visit.desk.stores.triage.discarded.list(project.id, asked["cursor"], asked["limit"])
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    rows = tuple(
        DiscardedRow(
            str(one.group_id),
            one.title,
            one.culprit or "",
            one.reason,
            one.actor,
            one.at,
            one.filtered,
            f"{here}/{one.group_id}/stop",
        )
        for one in page.items
    )
    return DiscardedView("Discarded", rows, paging(here, asked, len(rows), page.next_cursor))


def stop(visit: Visit) -> SeeOther:
    """Store what comes of a fingerprint again."""
    project, discards = visit.of_project, visit.desk.stores.triage.discarded
    fingerprint = parse_id(visit.arguments["fingerprint"], "discarded fingerprint")
    found = discards.find(fingerprint)
    if found is None or found.project_id != project.id:
        raise not_found("discarded fingerprint")
    discards.stop(found, visit.desk.caller.name)
    return SeeOther(
        links.discarded(project), f"What comes of “{found.title[:100]}” is stored again."
    )


_RULE = "/p/<project>/discarded"
PAGES = (
    Page(
        _RULE,
        "discarded",
        discarded,
        "pages/discarded.html",
        PageArguments,
        needs="read",
        table="fingerprints",
    ),
)
ACTIONS = (Action(f"{_RULE}/<fingerprint>/stop", "stop_discarding", stop, needs="triage"),)
