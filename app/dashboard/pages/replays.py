"""Replays: what was sent again, by whom and why, how far it is, and what became of each letter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import fields, validate

from app.api.endpoint import parse_id
from app.dashboard import links
from app.dashboard.charts import Tone
from app.dashboard.page import Action, Page, Place, SeeOther, Visit
from app.dashboard.paging import PageArguments, Paging, paging
from app.errors import bad_argument, not_found
from storage.replay import STATES, Replay
from storage.sql.replay_items import ReplayItem

_TONES: dict[str, Tone] = {
    "canary": "busy",
    "sending": "busy",
    "settling": "busy",
    "finished": "ok",
    "stopped": "bad",
    "cancelled": "plain",
}
_OF_STATES: dict[str, Tone] = {
    "stored": "ok",
    "dead": "bad",
    "discarded": "dead",
    "skipped": "warn",
}


class ReplayArguments(PageArguments):
    """Letters of a replay in one state, or all."""

    state = fields.String(load_default=None, validate=validate.OneOf(STATES))


@dataclass(frozen=True, slots=True)
class ReplayRow:
    """A replay; ``selection`` is the query it was made with, in words."""

    id: str
    href: str
    at: datetime
    actor: str
    why: str
    status: str
    tone: Tone
    selection: str
    total: int
    stored: int
    failed: int


@dataclass(frozen=True, slots=True)
class ReplaysView:
    """Replays, newest first."""

    title: str
    replays: tuple[ReplayRow, ...]
    paging: Paging


@dataclass(frozen=True, slots=True)
class StateCount:
    """Letters of a replay in a state."""

    state: str
    letters: int
    tone: Tone
    href: str


@dataclass(frozen=True, slots=True)
class ItemRow:
    """A letter of a replay."""

    letter_id: str
    event_id: str
    type: str
    state: str
    tone: Tone
    why: str | None


@dataclass(frozen=True, slots=True)
class ReplayView:
    """A replay with a page of its letters, as they were chosen when it was made."""

    title: str
    replay: ReplayRow
    rate: float
    canary: int
    active: bool
    reason: str
    finished_at: datetime | None
    counts: tuple[StateCount, ...]
    state: str
    items: tuple[ItemRow, ...]
    paging: Paging


def replay_row(replay: Replay) -> ReplayRow:
    """A replay as a row."""
    return ReplayRow(
        str(replay.id),
        links.replay(replay.id),
        replay.at,
        replay.actor,
        replay.why or "",
        replay.status,
        _TONES.get(replay.status, "plain"),
        told_selection(replay.selection),
        replay.count(),
        replay.count("stored"),
        replay.count("dead", "discarded", "skipped"),
    )


def told_selection(selection: dict[str, Any]) -> str:
    """What a replay was made of, in words: ``cluster:… project:shop``; pure."""
    parts = []
    for name, value in selection.items():
        if name == "ids":
            parts.append(f"{len(value)} selected" if len(value) > 1 else f"letter {value[0]}")
        elif name != "status":
            parts.append(f"{name}:{value}")
    return " ".join(parts) or "every open letter"


def replays(visit: Visit) -> ReplaysView:
    """The replays; raises ``ApiError`` 400 and ``StoreDown``."""
    asked = visit.arguments
    try:
        page = visit.desk.stores.workbench.replays.list(asked["cursor"], asked["limit"])
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    return ReplaysView(
        "Replays",
        tuple(map(replay_row, page.items)),
        paging(links.replays(), asked, len(page.items), page.next_cursor),
    )


def replay(visit: Visit) -> ReplayView:
    """The replay that the path names; raises ``ApiError`` and ``StoreDown``."""
    asked, workbench = visit.arguments, visit.desk.stores.workbench
    found = _find(visit)
    try:
        page = workbench.items.listed(found.id, asked["state"], asked["cursor"], asked["limit"])
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    row = replay_row(found)
    query = {name: asked[name] for name in ("state", "cursor", "limit")}
    return ReplayView(
        f"Replay of {row.total:,} dead letter{'s' if row.total != 1 else ''}",
        row,
        found.rate,
        found.canary,
        found.active,
        found.reason or "",
        found.finished_at,
        tuple(
            StateCount(
                state,
                found.count(state),
                _OF_STATES.get(state, "plain"),
                links.replay(found.id, state=state),
            )
            for state in STATES
            if found.count(state)
        ),
        asked["state"] or "",
        tuple(map(_item, page.items)),
        paging(links.replay(found.id), query, len(page.items), page.next_cursor),
    )


def _item(item: ReplayItem) -> ItemRow:
    tone = _OF_STATES.get(item.state, "plain")
    return ItemRow(str(item.letter_id), str(item.event_id), item.type, item.state, tone, item.why)


def _find(visit: Visit) -> Replay:
    found = visit.desk.stores.workbench.replays.find(parse_id(visit.arguments["replay"], "replay"))
    if found is None:
        raise not_found("replay")
    return found


def cancel(visit: Visit) -> SeeOther:
    """Send no more of the replay."""
    found = _find(visit)
    stopped = visit.desk.stores.workbench.replays.cancel(found.id, visit.desk.caller.actor)
    if stopped is None:
        raise not_found("replay")
    return SeeOther(links.replay(found.id), f"The replay is {stopped.status}.")


PAGES = (
    Page(
        "/ops/replays",
        "replays",
        replays,
        "pages/replays.html",
        PageArguments,
        needs="read",
        table="replays",
        place=Place("Replays", "installation"),
        live=True,
    ),
    Page(
        "/ops/replays/<replay>",
        "replay",
        replay,
        "pages/replay.html",
        ReplayArguments,
        needs="read",
        table="items",
        live=True,
    ),
)
ACTIONS = (Action("/ops/replays/<replay>/cancel", "cancel_replay", cancel, needs="operate"),)
