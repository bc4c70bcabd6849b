"""What tells more of an event and came apart from it: feedback of users, files on their own."""

from __future__ import annotations

from typing import Any

from app.api import answers
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.events import find_event
from app.api.picture import identity
from app.raw import read_raw
from events.envelope import Envelope
from events.registry import event_type


def list_related(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /events/{event_id}/related: all of them in one page, at most 100, newest first."""
    event = find_event(desk, arguments["event_id"])
    raw = read_raw(desk.stores.payloads, event)
    envelope = Envelope(event.id, event.project_id, event.type, event.protocol, raw)
    sdk_id = event_type(event.type).normalise(envelope).sdk_id
    found = []
    if sdk_id is not None:
        for type_name, ids in desk.stores.mentions.of(sdk_id, event.project_id).items():
            found += desk.stores.events.some(type_name, ids)
    found.sort(key=lambda one: one.id, reverse=True)
    return {"items": [identity(one) for one in found], "next_cursor": None}


ENDPOINTS = (
    Endpoint(
        "/events/<event_id>/related",
        "list_related",
        "Events that tell more of one: feedback of users, files that came later",
        list_related,
        answers.page_of(answers.Occurrence),
        scope="owned",
    ),
)
