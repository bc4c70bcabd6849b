"""What operators do to dead letters: edit, discard, bring in. Each with its entry in the audit."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg2 import sql

from events.text import storable
from storage.model import DeadLetter
from storage.sql.arrays import array_literal, insert_rows
from storage.sql.audit import write_audit
from storage.sql.connection import Cursor
from storage.sql.database import Database
from storage.sql.letter_filter import LetterFilter
from storage.sql.letter_rows import COLUMNS, MAX_REASON_CHARS, values_of
from storage.sql.locks import SETTLING, hold_alone
from storage.sql.reached import settled_elsewhere
from storage.sql.tombstones import never_stored

_MAX_AUDITED_IDS = 1000

_DISCARD = """
UPDATE dead_letters AS letters SET status = 'discarded', status_at = now(), status_by = %s,
    status_reason = %s
WHERE letters.status = 'open' AND {} RETURNING letters.id
"""


class LetterNotFound(Exception):
    """There is no such dead letter."""


class LetterNotOpen(Exception):
    """The letter is on its way again, replayed or discarded; ``status`` says which."""

    def __init__(self, status: str) -> None:
        super().__init__(f"the dead letter is {status}, not open")
        self.status = status


@dataclass(frozen=True, slots=True)
class ForeignLetter:
    """An open letter to bring in, under the id it had."""

    id: UUID
    letter: DeadLetter
    edited: bytes | None
    edits: int


class LetterActions:
    """Every method raises :class:`StoreDown` while PostgreSQL is away; all or nothing each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def edit(self, letter_id: UUID, payload: bytes, actor: str) -> None:
        """Have a replay use ``payload`` in place of the original, which is kept.

        Raises :class:`LetterNotFound` and :class:`LetterNotOpen`.
        """
        with self._database.transaction() as cursor:
            hold_alone(cursor, SETTLING)
            _require_open(cursor, letter_id)
            cursor.execute(
                "UPDATE dead_letters SET edited = %s, edits = edits + 1 WHERE id = %s"
                " RETURNING edits",
                (payload, letter_id),
            )
            edits = sum(row[0] for row in cursor)
            detail = {
                "bytes": len(payload),
                "sha256": hashlib.sha256(payload).hexdigest(),
                "edits": edits,
            }
            write_audit(cursor, actor, "edit", letter_id, detail)

    def discard(self, letter_id: UUID, reason: str, actor: str) -> None:
        """Give up on an open letter's event for good: the ledger counts it as discarded.

        Raises :class:`LetterNotFound` and :class:`LetterNotOpen`.
        """
        with self._database.transaction() as cursor:
            hold_alone(cursor, SETTLING)
            _require_open(cursor, letter_id)
            _discard(cursor, LetterFilter(ids=(letter_id,)), reason, actor)
            write_audit(cursor, actor, "discard", letter_id, {"reason": reason})

    def discard_all(self, wanted: LetterFilter, reason: str, actor: str) -> int:
        """Discard every open letter that matches; how many."""
        with self._database.transaction() as cursor:
            hold_alone(cursor, SETTLING)
            done = _discard(cursor, wanted, reason, actor)
            detail = {
                "reason": reason,
                "selection": wanted.told(),
                "letters": len(done),
                "ids": [str(one) for one in done[:_MAX_AUDITED_IDS]],
            }
            write_audit(cursor, actor, "discard", wanted.cluster or "selection", detail)
            return len(done)

    def unknown(self, letters: Sequence[ForeignLetter]) -> list[ForeignLetter]:
        """Those of which neither the letter nor its event is known here, nor erased; of an event
        twice the first.
        """
        with self._database.transaction() as cursor:
            return _unknown(cursor, letters)

    def bring_in(self, letters: Sequence[ForeignLetter], actor: str) -> int:
        """Keep open letters of another place or time; how many were not known here."""
        with self._database.transaction() as cursor:
            hold_alone(cursor, SETTLING)
            fresh = _unknown(cursor, letters)
            if not fresh:
                return 0
            rows = [values_of(one.id, one.letter, one.edited, one.edits) for one in fresh]
            insert_rows(cursor, "dead_letters", COLUMNS, rows, key=1, then="")
            detail = {"letters": len(fresh), "ids": [str(one.id) for one in fresh]}
            write_audit(cursor, actor, "import", "selection", detail)
            return len(fresh)


def _require_open(cursor: Cursor, letter_id: UUID) -> None:
    cursor.execute("SELECT status FROM dead_letters WHERE id = %s", (letter_id,))
    row = cursor.fetchone()
    if row is None:
        raise LetterNotFound(str(letter_id))
    if row[0] != "open":
        raise LetterNotOpen(row[0])


def _discard(cursor: Cursor, wanted: LetterFilter, reason: str, actor: str) -> list[UUID]:
    conditions, values = wanted.conditions()
    cursor.execute(
        sql.SQL(_DISCARD).format(conditions),
        (storable(actor), storable(reason[:MAX_REASON_CHARS]), *values),
    )
    return [letter_id for (letter_id,) in cursor]


def _unknown(cursor: Cursor, letters: Sequence[ForeignLetter]) -> list[ForeignLetter]:
    first = {one.letter.event_id: one for one in reversed(letters)}
    cursor.execute(
        "SELECT id, event_id FROM dead_letters"
        " WHERE id = ANY(%s::uuid[]) OR event_id = ANY(%s::uuid[])",
        (array_literal(one.id for one in first.values()), array_literal(first)),
    )
    known = {found for row in cursor for found in row}
    known |= settled_elsewhere(cursor, [one.letter for one in first.values()])
    known |= never_stored(cursor, first)
    return [one for one in first.values() if not {one.id, one.letter.event_id} & known]
