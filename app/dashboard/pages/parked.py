"""Parked messages: what no task could take, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from marshmallow import Schema, fields, validate

from app.api.parked import discard_parked, replay_parked
from app.dashboard import links
from app.dashboard.page import Action, Page, SeeOther, Visit
from storage.sql.letter_rows import MAX_REASON_CHARS


class MessageFields(Schema):
    """Which message."""

    message = fields.String(required=True, validate=validate.Length(min=1, max=200))


class DiscardMessageFields(MessageFields):
    """Which message, and why its events are given up."""

    reason = fields.String(required=True, validate=validate.Length(min=1, max=MAX_REASON_CHARS))


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """A parked message."""

    id: str
    queue: str
    why: str
    task: str | None
    events: int
    bytes: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class ParkedView:
    """All parked messages."""

    title: str
    messages: tuple[ParkedRow, ...]
    most_reason: int


def parked(visit: Visit) -> ParkedView:
    """The parked messages; raises ``StoreDown``."""
    rows = []
    for one in visit.desk.stores.workbench.parked.list():
        at = None if one.oldest_ms is None else datetime.fromtimestamp(one.oldest_ms / 1000, UTC)
        rows.append(ParkedRow(one.id, one.queue, one.why, one.task, one.events, one.bytes, at))
    return ParkedView("Parked messages", tuple(rows), MAX_REASON_CHARS)


def replay(visit: Visit) -> SeeOther:
    """Move a message back to its queue."""
    actor = visit.desk.caller.actor
    replay_parked(visit.desk, {"message_id": visit.arguments["message"], "actor": actor})
    return SeeOther(links.parked(), "The message is back in its queue.")


def discard(visit: Visit) -> SeeOther:
    """Turn a message's events into dead letters."""
    asked = {"message_id": visit.arguments["message"], "reason": visit.arguments["reason"]}
    done = discard_parked(visit.desk, {**asked, "actor": visit.desk.caller.actor})
    return SeeOther(links.parked(), f"{done['letters']} events became dead letters.")


_PAGE = Page(
    "/ops/parked", "parked", parked, "pages/parked.html", needs="read", table="messages", live=True
)
PAGES = (_PAGE,)
ACTIONS = (
    Action("/ops/parked/replay", "replay_parked", replay, MessageFields, needs="operate"),
    Action(
        "/ops/parked/discard",
        "discard_parked",
        discard,
        DiscardMessageFields,
        needs="operate",
        again=_PAGE,
    ),
)
