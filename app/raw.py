"""Reading an event's raw bytes, with its failures told to the caller."""

from __future__ import annotations

from typing import Protocol

from app.errors import ApiError, not_found
from storage.errors import Corrupt, NotFound
from storage.reading import EventGone
from storage.sql.events import StoredEvent


class Reader(Protocol):
    """Reads the bytes of an event that was just looked up."""

    def read(self, event: StoredEvent) -> bytes: ...


def read_raw(reader: Reader, event: StoredEvent) -> bytes:
    """Exactly the event's bytes, checksum verified.

    Raises ``StoreDown``, and ``ApiError``: 404 for an event that went since it was looked up, 500
    ``payload_unreadable`` when its pack is gone or damaged: the caller did nothing wrong, and an
    operator has to know.
    """
    try:
        return reader.read(event)
    except EventGone:
        raise not_found("event") from None
    except (NotFound, Corrupt) as exc:
        raise ApiError(
            500,
            "payload_unreadable",
            f"The raw bytes of event {event.id} cannot be read: {exc.detail}",
        ) from exc
