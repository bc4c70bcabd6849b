"""The full picture of one event: its SQL row, and its raw bytes from the file server."""

from __future__ import annotations

from typing import Any

from app.api.times import iso
from events.envelope import Envelope
from events.ids import id_time
from events.registry import event_type
from storage.sql.events import StoredEvent


def identity(event: StoredEvent) -> dict[str, Any]:
    """What storage knows of an event, the same in lists and in the full picture."""
    return {
        "id": str(event.id),
        "project": event.project,
        "type": event.type,
        "received_at": iso(id_time(event.id)),
        "occurred_at": iso(event.occurred_at),
        "group_id": str(event.group_id) if event.group_id else None,
    }


def full_picture(event: StoredEvent, raw: bytes) -> dict[str, Any]:
    """The API's event: what its type makes of the raw bytes, and what storage knows of it."""
    envelope = Envelope(event.id, event.project_id, event.type, event.protocol, raw, event.redacted)
    picture = event_type(event.type).picture(envelope)
    return {**picture, **identity(event), "redacted": event.redacted}
