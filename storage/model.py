"""What the three stores exchange: where a pack and an event lie, and dead letters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar
from uuid import UUID

from events.envelope import Envelope

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PackRef:
    """A pack as messages and the table ``packs`` carry it. Sizes are bytes."""

    id: UUID
    key: str
    type: str
    day: date
    events: int
    stored_bytes: int
    raw_bytes: int


@dataclass(frozen=True, slots=True)
class EventLocation:
    """Where an event's raw bytes lie: a frame of a pack, and a slice of the frame decompressed.

    ``checksum`` is the CRC-32C of the event's raw bytes.
    """

    pack_key: str
    frame_offset: int
    frame_length: int
    offset: int
    length: int
    checksum: int


@dataclass(frozen=True, slots=True)
class PackedEvent:
    """An envelope read back from a pack, with its location."""

    envelope: Envelope
    location: EventLocation


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that a stage gave up on. ``location`` is null when the payload never reached a
    pack; then ``payload`` holds it. ``release`` is that of the code that gave up.
    """

    event_id: UUID
    project_id: int
    type: str
    stage: str
    protocol: str
    code: str
    reason: str
    traceback: str
    attempts: int
    at: datetime
    location: EventLocation | None
    payload: bytes | None
    release: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list. ``next_cursor`` is what gives the part after it, null on the last."""

    items: list[T]
    next_cursor: str | None
