"""Rows of dead letters: how one is written, and how it is read back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg2 import sql

from events.ids import id_minute
from events.record import Column
from events.text import storable
from storage.cluster import cluster_of
from storage.model import DeadLetter, EventLocation

MAX_CODE_CHARS = 200
MAX_REASON_CHARS = 4_000
MAX_TRACEBACK_CHARS = 32_000

COLUMNS = (
    Column("id", "uuid"),
    Column("event_id", "uuid"),
    Column("minute", "int8"),
    Column("project_id", "int4"),
    Column("type", "text"),
    Column("stage", "text"),
    Column("protocol", "text"),
    Column("code", "text"),
    Column("reason", "text"),
    Column("traceback", "text"),
    Column("cluster", "text"),
    Column("attempts", "int4"),
    Column("at", "timestamptz"),
    Column("pack_key", "text"),
    Column("frame_offset", "int8"),
    Column("frame_length", "int4"),
    Column("slice_offset", "int4"),
    Column("slice_length", "int4"),
    Column("checksum", "int8"),
    Column("payload", "bytea"),
    Column("edited", "bytea"),
    Column("edits", "int4"),
    Column("release", "text"),
)

_SELECT = """
SELECT letters.id, letters.event_id, letters.project_id, coalesce(projects.name, ''),
    letters.type, letters.stage, letters.protocol, letters.code, letters.reason,
    letters.traceback, letters.cluster, letters.attempts, letters.at, letters.status,
    letters.status_at, letters.status_by, letters.status_reason, letters.edits,
    letters.release,
    {payload}, {edited}, letters.pack_key, letters.frame_offset, letters.frame_length,
    letters.slice_offset, letters.slice_length, letters.checksum
FROM dead_letters AS letters LEFT JOIN projects ON projects.id = letters.project_id
"""
_FIELDS_BEFORE_PAYLOAD = 19


@dataclass(frozen=True, slots=True)
class DeadLetterRow:
    """A dead letter as kept. ``status`` is open, replaying, replayed or discarded, since
    ``status_at`` and, if a person did it, by ``status_by``.

    ``payload`` is the original where it never reached a pack, ``edited`` what replaces it after
    ``edits`` edits; both are null in lists. ``release`` is that of the code that gave up last.
    """

    id: UUID
    event_id: UUID
    project_id: int
    project: str
    type: str
    stage: str
    protocol: str
    code: str
    reason: str
    traceback: str
    cluster: str
    attempts: int
    at: datetime
    status: str
    status_at: datetime | None
    status_by: str | None
    status_reason: str | None
    edits: int
    release: str
    location: EventLocation | None
    payload: bytes | None
    edited: bytes | None


def select_letters(*, payloads: bool) -> sql.Composed:
    """The beginning of a query of letters, which are called ``letters`` in it."""
    shown = {
        name: sql.SQL(f"letters.{name}" if payloads else "NULL") for name in ("payload", "edited")
    }
    return sql.SQL(_SELECT).format(**shown)


def letter_of(row: tuple[Any, ...]) -> DeadLetterRow:
    """The letter of a row of :func:`select_letters`."""
    payload, edited, *place = row[_FIELDS_BEFORE_PAYLOAD:]
    location = EventLocation(*place) if place[0] is not None else None
    bodies = (None if body is None else bytes(body) for body in (payload, edited))
    return DeadLetterRow(*(*row[:_FIELDS_BEFORE_PAYLOAD], location, *bodies))


def values_of(
    letter_id: UUID, letter: DeadLetter, edited: bytes | None = None, edits: int = 0
) -> tuple[Any, ...]:
    """The values of ``COLUMNS`` for a letter, its texts made storable and bounded."""
    code = storable(letter.code[:MAX_CODE_CHARS])
    reason = storable(letter.reason[:MAX_REASON_CHARS])
    traceback = storable(letter.traceback[-MAX_TRACEBACK_CHARS:])  # the end tells most
    return (
        letter_id,
        letter.event_id,
        id_minute(letter.event_id),
        letter.project_id,
        letter.type,
        letter.stage,
        storable(letter.protocol[:MAX_CODE_CHARS]),
        code,
        reason,
        traceback,
        cluster_of(letter.stage, code, reason, traceback),
        letter.attempts,
        letter.at,
        *(_place(letter.location) if letter.location else (None,) * 6),
        letter.payload,
        edited,
        edits,
        storable(letter.release[:MAX_CODE_CHARS]),
    )


def _place(where: EventLocation) -> tuple[Any, ...]:
    return (
        where.pack_key,
        where.frame_offset,
        where.frame_length,
        where.offset,
        where.length,
        where.checksum,
    )
