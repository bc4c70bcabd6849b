"""What tells more of an event and came apart from it: feedback of users, files on their own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.api import answers
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.events import find_event
from app.api.picture import identity
from app.raw import read_raw
from events.envelope import Envelope
from events.registry import event_type
from storage.sql.events import StoredEvent


def list_related(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /events/{event_id}/related: all of them in one page, at most 100, newest first."""
    event = find_event(desk, arguments["event_id"])
    raw = read_raw(desk.stores.payloads, event)
    envelope = Envelope(event.id, event.project_id, event.type, event.protocol, raw)
    sdk_id = event_type(event.type).normalise(envelope).sdk_id
    found = [] if sdk_id is None else events_about(desk, sdk_id, event.project_id)
    return {"items": [identity(one) for one in found], "next_cursor": None}


def events_about(desk: Desk, sdk_id: UUID, project_id: int) -> list[StoredEvent]:
    """The newest events that tell more of the one to which its SDK gave this id.

    Raises ``StoreDown``.
    """
    found = [
        event
        for type_name, ids in desk.stores.mentions.of(sdk_id, project_id).items()
        for event in desk.stores.events.some(type_name, ids)
    ]
    return sorted(found, key=lambda one: one.id, reverse=True)


ENDPOINTS = (
    Endpoint(
        "/events/<event_id>/related",
        "list_related",
        "Events that tell more of one: feedback of users, files that came later",
        list_related,
        answers.page_of(answers.Occurrence),
        scope="owned",
        needs="read",
    ),
)
