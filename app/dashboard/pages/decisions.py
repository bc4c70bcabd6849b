"""Decisions on groups: what was decided, how far each is, and taking one back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from marshmallow import Schema, fields, validate

from app.api.arguments import bad_argument
from app.api.triage import begin, find_action, take_back
from app.dashboard import links
from app.dashboard.charts import Tone
from app.dashboard.links import Named
from app.dashboard.page import Action, Page, SeeOther, Visit
from app.dashboard.paging import PageArguments, Paging, paging
from app.dashboard.session import local_path
from app.dashboard.triage.telling import outcome
from app.errors import not_found
from storage.triage import ITEM_STATES, TriageAction

#: Groups of a decision that its page names.
SHOWN = 100
_TONES: dict[str, Tone] = {"frozen": "warn", "running": "busy", "undoing": "busy", "undone": "dead"}


class UndoForm(Schema):
    """The page to go back to."""

    next = fields.String(load_default=None, validate=validate.Length(max=4000))


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A decision in a list. ``undo_until`` is null when it cannot be taken back."""

    id: str
    href: str
    at: datetime
    actor: str
    sentence: str
    state: str
    tone: Tone
    groups: int
    undo_until: datetime | None


@dataclass(frozen=True, slots=True)
class DecisionsView:
    """A page of decisions, newest first."""

    title: str
    decisions: tuple[DecisionRow, ...]
    paging: Paging


@dataclass(frozen=True, slots=True)
class OfDecision:
    """A group of a decision, and what became of it: ``why`` it was left out or kept."""

    href: str
    number: int | None
    title: str
    state: str
    why: str


@dataclass(frozen=True, slots=True)
class DecisionView:
    """A decision: ``counts`` has its groups by state, ``groups`` names the first of them."""

    title: str
    decision: DecisionRow
    query: str | None
    undone_by: str
    counts: tuple[tuple[str, int, Tone], ...]
    groups: tuple[OfDecision, ...]
    start_href: str
    undo_href: str
    back_href: str


def decisions(visit: Visit) -> DecisionsView:
    """What was decided on the project's groups; raises ``ApiError`` 400 for a bad cursor."""
    project, asked = visit.of_project, visit.arguments
    actions = visit.desk.stores.triage.actions
    try:
        page = actions.list(project.id, asked["cursor"], asked["limit"])
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    rows = tuple(_row(visit, action) for action in page.items)
    here = links.decisions(project)
    return DecisionsView("Decisions", rows, paging(here, asked, len(rows), page.next_cursor))


def decision(visit: Visit) -> DecisionView:
    """The decision that the path names."""
    action, project = _of_path(visit), visit.of_project
    items = visit.desk.stores.triage.actions.items(action.id, SHOWN)
    return DecisionView(
        title=action.sentence(),
        decision=_row(visit, action),
        query=action.query,
        undone_by=action.undone_by or "",
        counts=tuple(
            (state, action.counts[state], _STATES[state])
            for state in ITEM_STATES
            if action.counts.get(state)
        ),
        groups=tuple(
            OfDecision(
                links.group_of(project, item.group_id, item.number),
                item.number,
                item.title or "",
                item.state,
                item.why or "",
            )
            for item in items
        ),
        start_href=f"{links.decision(project, action.id)}/start",
        undo_href=links.undo(project, action.id),
        back_href=links.groups(project, query=action.query),
    )


def start(visit: Visit) -> SeeOther:
    """Do what was frozen."""
    action = begin(visit.desk, _of_path(visit))
    return SeeOther(links.decision(visit.of_project, action.id), outcome(action))


def undo(visit: Visit) -> SeeOther:
    """Take a decision back."""
    action = take_back(visit.desk, _of_path(visit))
    path = links.decision(visit.of_project, action.id)
    if action.state != "undone":
        return SeeOther(path)
    kept = action.counts.get("kept", 0)
    said = f"Undone: {action.sentence()}."
    if kept:
        said += f" {kept:,} stay as they are: they were decided on since."
    return SeeOther(local_path(visit.arguments["next"] or path), said)


def _of_path(visit: Visit) -> TriageAction:
    found = find_action(visit.desk, visit.arguments["decision"])
    if found.project_id != visit.of_project.id:
        raise not_found("decision")
    return found


def _row(visit: Visit, action: TriageAction) -> DecisionRow:
    project: Named = visit.of_project
    until = action.undo_until
    return DecisionRow(
        str(action.id),
        links.decision(project, action.id),
        action.at,
        action.actor,
        action.sentence(),
        action.state,
        _TONES.get(action.state, "ok"),
        action.total,
        until if until and until > visit.now else None,
    )


_STATES: dict[str, Tone] = {
    "waiting": "busy",
    "done": "ok",
    "skipped": "warn",
    "undone": "dead",
    "kept": "warn",
}

_RULE = "/p/<project>/decisions"
PAGES = (
    Page(
        _RULE,
        "decisions",
        decisions,
        "pages/decisions.html",
        PageArguments,
        needs="read",
        table="decisions",
    ),
    Page(
        f"{_RULE}/<decision>",
        "decision",
        decision,
        "pages/decision.html",
        needs="read",
        table="groups",
        live=True,
    ),
)
ACTIONS = (
    Action(f"{_RULE}/<decision>/start", "start_decision", start, needs="triage"),
    Action(f"{_RULE}/<decision>/undo", "undo_decision", undo, UndoForm, needs="triage"),
)
