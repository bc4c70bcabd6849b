"""Parked messages, and the audit of what operators did."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from app.api import letter_answers
from app.api.answers import page_of
from app.api.arguments import bad_argument
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.letter_arguments import AuditArguments, ParkedArguments, Reason
from app.api.times import iso
from app.errors import ApiError
from broker.parked import ParkedMessage
from config.policy import QUEUES
from workbench.burying import Unburiable


def list_parked(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /parked: messages that no task could take, of one queue or all, in one page."""
    queue = arguments["queue"]
    if queue is not None and queue not in QUEUES:
        raise bad_argument("queue", f"there are: {', '.join(QUEUES)}")
    found = desk.stores.workbench.parked.list(queue)
    return {"items": [_dump(message) for message in found], "next_cursor": None}


def replay_parked(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /parked/{message_id}/replay: back to its queue, as if never delivered."""
    message_id = arguments["message_id"]
    if not desk.stores.workbench.burial.replay(message_id, arguments["actor"]):
        raise _not_parked()
    return {"id": message_id, "letters": None}


def discard_parked(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /parked/{message_id}/discard: its events become dead letters, one by one."""
    message_id = arguments["message_id"]
    try:
        letters = desk.stores.workbench.burial.bury(
            message_id, arguments["reason"], arguments["actor"]
        )
    except Unburiable as exc:
        raise ApiError(409, "message_unreadable", f"The message stays parked: {exc}.") from exc
    if letters is None:
        raise _not_parked()
    return {"id": message_id, "letters": letters}


def list_audit(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /audit, newest first."""
    try:
        page = desk.stores.workbench.audit.list(
            arguments["subject"], arguments["cursor"], arguments["limit"]
        )
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    items = letter_answers.AuditEntry(many=True).dump(page.items)
    return {"items": items, "next_cursor": page.next_cursor}


def _dump(message: ParkedMessage) -> dict[str, Any]:
    oldest = message.oldest_ms
    at = None if oldest is None else datetime.fromtimestamp(oldest / 1000, UTC)
    shown = letter_answers.ParkedMessage(exclude=("oldest_at",)).dump(message)
    return {**shown, "oldest_at": iso(at)}


def _not_parked() -> ApiError:
    return ApiError(404, "message_not_parked", "There is no such parked message.")


ENDPOINTS = (
    Endpoint(
        "/parked",
        "list_parked",
        "Messages that no task could take",
        list_parked,
        page_of(letter_answers.ParkedMessage),
        ParkedArguments,
        needs="read",
    ),
    Endpoint(
        "/parked/<message_id>/replay",
        "replay_parked",
        "Move a parked message back to its queue",
        replay_parked,
        letter_answers.Unparked,
        method="POST",
        needs="operate",
    ),
    Endpoint(
        "/parked/<message_id>/discard",
        "discard_parked",
        "Turn a parked message's events into dead letters, one by one",
        discard_parked,
        letter_answers.Unparked,
        method="POST",
        body=Reason,
        needs="operate",
    ),
    Endpoint(
        "/audit",
        "list_audit",
        "What operators did, newest first",
        list_audit,
        page_of(letter_answers.AuditEntry),
        AuditArguments,
        needs="operate",
    ),
)
