"""Full receipts: all that is known of an event's way, for who has its id."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.api import operator_answers
from app.api.endpoint import Arguments, Desk, Endpoint, parse_id
from app.errors import not_found
from workbench.receipts import FullReceipt, Step


def full_receipt(desk: Desk, event_id: UUID) -> FullReceipt:
    """The receipt of an event; raises ``ApiError`` 404 and ``StoreDown``.

    One that nothing is known of, and that may be on its way, is anybody's: it tells nothing.
    """
    found = desk.stores.receipts.read(event_id)
    if found is None or found.verdict == "past":
        raise not_found("receipt")
    if found.project_id is not None:
        desk.require(found.project_id, "receipt")
    return found


def read_full_receipt(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /receipts/{event_id}/full."""
    found = full_receipt(desk, parse_id(arguments["event_id"], "receipt"))
    return dict(operator_answers.FullReceipt().dump(document(desk, found)))


def document(desk: Desk, found: FullReceipt) -> dict[str, Any]:
    """A receipt as the API gives it."""
    way, stored = found.way, found.way.stored
    letter = way.letters[0] if way.letters else None
    project = None if found.project_id is None else desk.names.name(found.project_id)
    return {
        "id": found.event_id,
        "accepted_at": found.accepted_at,
        "verdict": found.verdict,
        "project": project,
        "type": stored.type if stored else letter and letter.type,
        "protocol": stored.protocol if stored else letter and letter.protocol,
        "group_id": stored and stored.group_id,
        "redacted": stored and stored.redacted,
        "place": _place(found),
        "steps": [_step(step) for step in found.steps],
        "letters": [one.id for one in way.letters],
        "erased_at": way.erased and way.erased.at,
        "queue": found.queued and found.queued.queue,
        "broker_problem": found.broker_problem,
    }


def _place(found: FullReceipt) -> dict[str, Any] | None:
    stored = found.way.stored
    if stored is None:
        return None
    at = stored.location
    return {
        "pack": stored.pack_id,
        "key": at.pack_key,
        "frame_offset": at.frame_offset,
        "frame_length": at.frame_length,
        "offset": at.offset,
        "length": at.length,
        "copies": list(found.way.copies),
    }


def _step(step: Step) -> dict[str, Any]:
    letter = step.letter
    return {
        "stage": step.stage,
        "at": step.at,
        "seconds": step.seconds,
        "letter": letter and letter.id,
        "code": letter and letter.code,
        "reason": letter and letter.reason,
    }


ENDPOINTS = (
    Endpoint(
        "/receipts/<event_id>/full",
        "read_full_receipt",
        "Accepted, pack and offset, redactions, stages with their times, or why it died",
        read_full_receipt,
        operator_answers.FullReceipt,
        scope="owned",
        needs="read",
    ),
)
