"""Cursors of search: where the last page ended, as text that clients hand back unread."""

from __future__ import annotations

import base64
import binascii
from uuid import UUID

from events.ids import id_ms, is_event_id


def encode_cursor(last_id: UUID) -> str:
    """The cursor after a hit. Its id is enough: the time that results order by is the id's."""
    return base64.urlsafe_b64encode(last_id.bytes).rstrip(b"=").decode()


def search_after(cursor: str) -> list[int | str]:
    """The sort values that a page starts after; raises ``ValueError`` for what is no cursor."""
    return place_of(event_of(cursor))


def event_of(cursor: str) -> UUID:
    """The event that a page starts after; raises ``ValueError`` for what is no cursor."""
    try:
        raw = base64.b64decode(cursor + "==", altchars=b"-_", validate=True)
        last_id = UUID(bytes=raw)
    except (binascii.Error, ValueError):
        raise ValueError("not a cursor that this list gave") from None
    if not is_event_id(last_id):
        raise ValueError("not a cursor that this list gave")
    return last_id


def place_of(event_id: UUID) -> list[int | str]:
    """The sort values of an event."""
    return [id_ms(event_id), str(event_id)]
