"""Dead letters: events that a stage gave up on, each at most once and never beside being stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias
from uuid import UUID

from psycopg2 import sql

from events.ids import Clock, new_id, now_ms
from storage.model import DeadLetter, Page
from storage.sql.arrays import insert_rows
from storage.sql.cursors import decode_id_cursor, id_cursor
from storage.sql.database import Database
from storage.sql.letter_filter import OPEN, LetterFilter
from storage.sql.letter_rows import COLUMNS, DeadLetterRow, letter_of, select_letters, values_of
from storage.sql.locks import SETTLING, hold_alone
from storage.sql.reached import settled_elsewhere
from storage.sql.tombstones import letters_wanted

# A letter on its way again that fails again is open again: the same letter, which still knows the
# original payload and what it was edited to.
_ONCE = """
ON CONFLICT (event_id) WHERE status IN ('open', 'replaying') DO UPDATE SET
    status = 'open', status_at = now(), status_by = NULL, status_reason = NULL,
    stage = excluded.stage, code = excluded.code, reason = excluded.reason,
    traceback = excluded.traceback, cluster = excluded.cluster, at = excluded.at,
    attempts = kept.attempts + excluded.attempts, release = excluded.release
WHERE kept.status = 'replaying'
"""


_Found: TypeAlias = list[DeadLetterRow]  # the class has a method of the name


class DeadLetters:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database, clock: Clock = now_ms) -> None:
        self._database = database
        self._clock = clock

    def add(self, letters: Sequence[DeadLetter]) -> int:
        """Keep dead letters, all or none; how many events are newly dead, or dead again.

        Not kept are those of events that are dead already, or have meanwhile passed the stage:
        another delivery of them succeeded; and those of erased events. NUL and lone surrogates in
        texts are made visible.
        """
        first = {letter.event_id: letter for letter in reversed(letters)}
        if not first:
            return 0
        with self._database.transaction() as cursor:
            hold_alone(cursor, SETTLING)
            kept = letters_wanted(cursor, list(first.values()))
            passed = settled_elsewhere(cursor, kept)
            rows = [
                values_of(new_id(self._clock()), letter)
                for letter in kept
                if letter.event_id not in passed
            ]
            if not rows:
                return 0
            insert_rows(cursor, "dead_letters", COLUMNS, rows, key=1, then=_ONCE)
            return cursor.rowcount

    def list(
        self, wanted: LetterFilter = OPEN, cursor: str | None = None, limit: int = 50
    ) -> Page[DeadLetterRow]:
        """Dead letters, newest first, without payloads; ``ValueError`` for a bad cursor."""
        before = decode_id_cursor(cursor)
        conditions, values = wanted.conditions()
        tail = sql.SQL(
            "WHERE {} AND (%s::uuid IS NULL OR letters.id < %s) ORDER BY letters.id DESC LIMIT %s"
        ).format(conditions)
        with self._database.transaction() as execute:
            execute.execute(
                select_letters(payloads=False) + tail, (*values, before, before, limit + 1)
            )
            items = [letter_of(row) for row in execute]
        more = len(items) > limit
        return Page(items[:limit], id_cursor(items[limit - 1].id) if more else None)

    def count_open(self) -> int:
        """How many open letters there are, without those of the system's own events."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT count(*) FROM dead_letters WHERE status = 'open' AND project_id > 0"
            )
            ((letters,),) = cursor.fetchall()
            return int(letters)

    def count(self, wanted: LetterFilter = OPEN) -> int:
        """How many dead letters match, of the system's own events too."""
        conditions, values = wanted.conditions()
        with self._database.transaction() as cursor:
            statement = sql.SQL("SELECT count(*) FROM dead_letters AS letters WHERE {}")
            cursor.execute(statement.format(conditions), values)
            ((letters,),) = cursor.fetchall()
            return int(letters)

    def find(self, letter_id: UUID) -> DeadLetterRow | None:
        """One dead letter of any status, with its payloads."""
        found = self.find_all([letter_id])
        return found[0] if found else None

    def find_all(self, letter_ids: Sequence[UUID]) -> _Found:
        """Dead letters of any status, with their payloads, in order of their ids."""
        conditions, values = LetterFilter(status=None, ids=tuple(letter_ids)).conditions()
        tail = sql.SQL("WHERE {} ORDER BY letters.id").format(conditions)
        with self._database.transaction() as cursor:
            cursor.execute(select_letters(payloads=True) + tail, values)
            return [letter_of(row) for row in cursor]
