"""Reading an event's raw bytes while packs move.

A row tells where the bytes lie. Compaction may write them to another pack, change the row, and
delete the old object a grace later; so whoever read the row before that finds nothing there, and
looks once more.
"""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from storage.errors import NotFound
from storage.model import EventLocation
from storage.sql.events import StoredEvent


class Payloads(Protocol):
    """Where bytes are: :class:`storage.files.store.FileStore`, or the cache before it."""

    def read_event(self, location: EventLocation) -> bytes: ...


class Rows(Protocol):
    """The part of :class:`storage.sql.events.Events` used here."""

    def find(self, event_id: UUID) -> StoredEvent | None: ...


class EventGone(NotFound):
    """The event has no row any more: it was erased, or its term ended, since it was looked up."""


class EventReader:
    """Raw bytes of events that were just looked up."""

    def __init__(self, rows: Rows, payloads: Payloads) -> None:
        self._rows = rows
        self._payloads = payloads

    def read(self, event: StoredEvent) -> bytes:
        """Exactly the event's bytes, checksum verified.

        Raises ``StoreDown``, ``Corrupt``, ``NotFound`` when its pack is not there, and
        :class:`EventGone` when the event is not, any more.
        """
        try:
            return self._payloads.read_event(event.location)
        except NotFound:
            moved = self._rows.find(event.id)
            if moved is None:
                raise EventGone("sql", f"event {event.id} is gone") from None
            if moved.location == event.location:
                raise
            return self._payloads.read_event(moved.location)
