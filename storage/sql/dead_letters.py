"""Dead letters: events that a stage gave up on, each at most once and never beside being stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg2 import sql

from events.ids import Clock, id_minute, new_id, now_ms
from events.record import Column
from events.text import storable
from storage.model import DeadLetter, EventLocation, Page
from storage.sql.arrays import insert_rows
from storage.sql.cursors import decode_id_cursor, id_cursor
from storage.sql.database import Database
from storage.sql.locks import SETTLING, hold_alone
from storage.sql.reached import settled_elsewhere

MAX_CODE_CHARS = 200
MAX_REASON_CHARS = 4_000
MAX_TRACEBACK_CHARS = 32_000

_COLUMNS = (
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
    Column("attempts", "int4"),
    Column("at", "timestamptz"),
    Column("pack_key", "text"),
    Column("frame_offset", "int8"),
    Column("frame_length", "int4"),
    Column("slice_offset", "int4"),
    Column("slice_length", "int4"),
    Column("checksum", "int8"),
    Column("payload", "bytea"),
)
_ONCE = "ON CONFLICT (event_id) WHERE status = 'open' DO NOTHING"

_SELECT = """
SELECT letters.id, event_id, project_id, coalesce(projects.name, ''), type, stage, protocol, code,
    reason, traceback, attempts, at, status, {payload}, pack_key, frame_offset, frame_length,
    slice_offset, slice_length, checksum
FROM dead_letters AS letters LEFT JOIN projects ON projects.id = project_id
"""
_FIELDS_BEFORE_PAYLOAD = 13


@dataclass(frozen=True, slots=True)
class DeadLetterRow:
    """A dead letter as kept. ``status`` is open, replayed or discarded; ``payload`` is there only
    when it was asked for alone and never reached a pack.
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
    attempts: int
    at: datetime
    status: str
    location: EventLocation | None
    payload: bytes | None


class DeadLetters:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database, clock: Clock = now_ms) -> None:
        self._database = database
        self._clock = clock

    def add(self, letters: Sequence[DeadLetter]) -> int:
        """Keep dead letters, all or none; how many events are newly dead.

        Not kept are those of events that are dead already, or have meanwhile passed the stage:
        another delivery of them succeeded. NUL and lone surrogates in texts are made visible.
        """
        if not letters:
            return 0
        with self._database.transaction() as cursor:
            hold_alone(cursor, SETTLING)
            passed = settled_elsewhere(cursor, letters)
            rows = [self._row(letter) for letter in letters if letter.event_id not in passed]
            if not rows:
                return 0
            insert_rows(cursor, "dead_letters", _COLUMNS, rows, key=1, then=_ONCE)
            return cursor.rowcount

    def list(
        self,
        project: str | None = None,
        type: str | None = None,  # noqa: A002 - the field's word for it
        stage: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[DeadLetterRow]:
        """Open dead letters, newest first, without payloads; ``ValueError`` for a bad cursor."""
        before = decode_id_cursor(cursor)
        conditions, values = _filters(project, type, stage, before)
        statement = sql.SQL(
            _SELECT + "WHERE {conditions} ORDER BY letters.id DESC LIMIT %s"
        ).format(payload=sql.SQL("NULL"), conditions=sql.SQL(" AND ").join(conditions))
        with self._database.transaction() as execute:
            execute.execute(statement, (*values, limit + 1))
            items = [_letter(row) for row in execute]
        more = len(items) > limit
        return Page(items[:limit], id_cursor(items[limit - 1].id) if more else None)

    def find(self, letter_id: UUID) -> DeadLetterRow | None:
        """One dead letter of any status, with its payload."""
        statement = sql.SQL(_SELECT + "WHERE letters.id = %s").format(payload=sql.SQL("payload"))
        with self._database.transaction() as cursor:
            cursor.execute(statement, (letter_id,))
            row = cursor.fetchone()
        return _letter(row) if row else None

    def _row(self, letter: DeadLetter) -> tuple[Any, ...]:
        where = letter.location
        return (
            new_id(self._clock()),
            letter.event_id,
            id_minute(letter.event_id),
            letter.project_id,
            letter.type,
            letter.stage,
            storable(letter.protocol[:MAX_CODE_CHARS]),
            storable(letter.code[:MAX_CODE_CHARS]),
            storable(letter.reason[:MAX_REASON_CHARS]),
            storable(letter.traceback[-MAX_TRACEBACK_CHARS:]),  # the end tells most
            letter.attempts,
            letter.at,
            *(_place(where) if where else (None,) * 6),
            letter.payload,
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


def _filters(
    project: str | None, type_name: str | None, stage: str | None, before: UUID | None
) -> tuple[list[sql.Composable], list[Any]]:
    given: Iterable[tuple[str, Any]] = (
        ("project_id = (SELECT id FROM projects WHERE name = %s)", project and storable(project)),
        ("type = %s", type_name and storable(type_name)),
        ("stage = %s", stage and storable(stage)),
        ("letters.id < %s", before),
    )
    used = [(sql.SQL(condition), value) for condition, value in given if value is not None]
    return [sql.SQL("status = 'open'"), *(c for c, _ in used)], [value for _, value in used]


def _letter(row: tuple[Any, ...]) -> DeadLetterRow:
    payload, *place = row[_FIELDS_BEFORE_PAYLOAD:]
    location = EventLocation(*place) if place[0] is not None else None
    body = None if payload is None else bytes(payload)
    return DeadLetterRow(*(*row[:_FIELDS_BEFORE_PAYLOAD], location, body))
