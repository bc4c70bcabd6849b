"""The letters of a replay: claimed in messages, sent once, given back where they cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg2 import sql

from events.ids import Clock, new_id, now_ms
from storage.model import PackRef, Page
from storage.sql.arrays import array_literal
from storage.sql.connection import Cursor
from storage.sql.cursors import decode_id_cursor, id_cursor
from storage.sql.database import Database
from storage.sql.letter_rows import DeadLetterRow, letter_of, select_letters
from storage.sql.locks import SETTLING, hold_alone
from storage.sql.tables import event_types, events_table
from storage.sql.unstore import unstore

_CLAIM = """
UPDATE dead_letters AS letters
SET status = 'replaying', status_at = now(), status_by = replays.actor, status_reason = NULL
FROM replay_items AS items JOIN replays ON replays.id = items.replay_id,
    unnest(%s::uuid[], %s::int4[]) AS wanted (id, edits)
WHERE items.replay_id = %s AND items.state = 'waiting' AND items.letter_id = wanted.id
    AND letters.id = wanted.id AND letters.edits = wanted.edits AND letters.status = 'open'
RETURNING letters.id, letters.event_id, letters.type, letters.stage, letters.edits
"""

_NOTE_CLAIMED = """
UPDATE replay_items AS items SET state = 'claimed', batch = claimed.batch, pack_id = claimed.pack_id
FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[]) AS claimed (letter_id, batch, pack_id)
WHERE items.replay_id = %s AND items.letter_id = claimed.letter_id
"""

_SKIP_SETTLED = """
UPDATE replay_items AS items SET state = 'skipped', why = 'it is ' || letters.status
FROM dead_letters AS letters
WHERE items.replay_id = %s AND items.state = 'waiting' AND letters.id = items.letter_id
    AND letters.id = ANY(%s::uuid[]) AND letters.status <> 'open'
"""

_GIVE_BACK = """
UPDATE dead_letters AS letters SET status = 'open', status_at = now()
FROM replay_items AS items
WHERE items.replay_id = %s AND items.letter_id = ANY(%s::uuid[]) AND items.state = 'claimed'
    AND letters.id = items.letter_id AND letters.status = 'replaying'
"""


_LISTED = """
SELECT letter_id, event_id, items.type, state, items.why, replays.id, replays.at, replays.actor
FROM replay_items AS items JOIN replays ON replays.id = items.replay_id
"""


@dataclass(frozen=True, slots=True)
class StoredPack:
    """A pack as its message tells it."""

    ref: PackRef
    files_at: datetime


@dataclass(frozen=True, slots=True)
class ReplayBatch:
    """Claimed letters that travel in one message, under the id of the batch.

    They go through all stages anew, or with a ``pack`` only stage search of that pack runs again.
    """

    id: UUID
    type: str
    pack: StoredPack | None
    letters: list[DeadLetterRow]


@dataclass(frozen=True, slots=True)
class ReplayItem:
    """A letter of a replay; ``why`` says why it was skipped, or what it died of again."""

    letter_id: UUID
    event_id: UUID
    type: str
    state: str
    why: str | None
    replay_id: UUID
    replayed_at: datetime
    actor: str


class ReplayItems:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database, clock: Clock = now_ms) -> None:
        self._database = database
        self._clock = clock

    def waiting(self, replay_id: UUID, limit: int) -> list[DeadLetterRow]:
        """The next letters to send, with their payloads, in order of their ids."""
        tail = sql.SQL(
            "JOIN replay_items AS items ON items.letter_id = letters.id"
            " WHERE items.replay_id = %s AND items.state = 'waiting'"
            " ORDER BY items.letter_id LIMIT %s"
        )
        with self._database.transaction() as cursor:
            cursor.execute(select_letters(payloads=True) + tail, (replay_id, limit))
            return [letter_of(row) for row in cursor]

    def listed(
        self, replay_id: UUID, state: str | None, cursor: str | None, limit: int
    ) -> Page[ReplayItem]:
        """The letters of a replay, as they were chosen; raises ``ValueError`` for a bad cursor."""
        after = decode_id_cursor(cursor)
        with self._database.transaction() as query:
            query.execute(
                _LISTED + "WHERE items.replay_id = %s AND (%s::text IS NULL OR state = %s)"
                " AND (%s::uuid IS NULL OR letter_id > %s) ORDER BY letter_id LIMIT %s",
                (replay_id, state, state, after, after, limit + 1),
            )
            items = [ReplayItem(*row) for row in query]
        more = len(items) > limit
        return Page(items[:limit], id_cursor(items[limit - 1].letter_id) if more else None)

    def of_letter(self, letter_id: UUID, limit: int = 50) -> list[ReplayItem]:
        """The replays that a letter was in, latest first."""
        with self._database.transaction() as cursor:
            cursor.execute(
                _LISTED + "WHERE letter_id = %s ORDER BY replay_id DESC LIMIT %s",
                (letter_id, limit),
            )
            return [ReplayItem(*row) for row in cursor]

    def claim(self, replay_id: UUID, groups: Iterable[Sequence[DeadLetterRow]]) -> int:
        """Take letters on their way: in flight to the ledger from now on; how many.

        Each of ``groups`` fits one message. A letter that is not open any more is skipped, one that
        was edited since it was read is left for later. Who is killed before the letters are sent
        leaves them to :meth:`unsent`.
        """
        parts = [list(group) for group in groups]
        letters = [letter for part in parts for letter in part]
        ids = array_literal(letter.id for letter in letters)
        with self._database.transaction() as cursor:
            hold_alone(cursor, SETTLING)
            edits = array_literal(letter.edits for letter in letters)
            cursor.execute(_CLAIM, (ids, edits, replay_id))
            claimed = {row[0]: row[1:] for row in cursor}
            routed = list(self._routes(cursor, parts, claimed))
            columns = [array_literal(column) for column in zip(*routed, strict=True)]
            if columns:
                cursor.execute(_NOTE_CLAIMED, (*columns, replay_id))
            cursor.execute(_SKIP_SETTLED, (replay_id, ids))
            return len(routed)

    def unsent(self, replay_id: UUID) -> list[ReplayBatch]:
        """What is claimed and not known to be sent. Of its letters, those still on their way."""
        tail = sql.SQL("WHERE letters.id = ANY(%s::uuid[]) AND letters.status = 'replaying'")
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT batch, type, pack_id, array_agg(letter_id) FROM replay_items"
                " WHERE replay_id = %s AND state = 'claimed' GROUP BY batch, type, pack_id",
                (replay_id,),
            )
            batches = []
            for batch, type_name, pack_id, letter_ids in cursor.fetchall():
                cursor.execute(select_letters(payloads=True) + tail, (array_literal(letter_ids),))
                letters = [letter_of(row) for row in cursor]
                pack = _pack(cursor, pack_id) if pack_id else None
                batches.append(ReplayBatch(batch, type_name, pack, letters))
            return batches

    def mark_sent(self, replay_id: UUID, batch_id: UUID) -> None:
        """Note that the broker has a batch."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE replay_items SET state = 'sent'"
                " WHERE replay_id = %s AND batch = %s AND state = 'claimed'",
                (replay_id, batch_id),
            )

    def skip(self, replay_id: UUID, whys: dict[UUID, str]) -> None:
        """Leave letters out that cannot be sent; a claimed one is open again."""
        ids = array_literal(whys)
        reasons = array_literal(why[:500] for why in whys.values())
        with self._database.transaction() as cursor:
            hold_alone(cursor, SETTLING)
            cursor.execute(_GIVE_BACK, (replay_id, ids))
            cursor.execute(
                "UPDATE replay_items AS items SET state = 'skipped', why = skipped.why"
                " FROM unnest(%s::uuid[], %s::text[]) AS skipped (id, why)"
                " WHERE items.replay_id = %s AND items.letter_id = skipped.id"
                " AND items.state IN ('waiting', 'claimed')",
                (ids, reasons, replay_id),
            )

    def _routes(
        self,
        cursor: Cursor,
        parts: Sequence[Sequence[DeadLetterRow]],
        claimed: dict[UUID, tuple[Any, ...]],
    ) -> Iterable[tuple[UUID, UUID, UUID | None]]:
        """Letter, batch and pack of each claimed letter.

        What stage search refused has a row, and its pack is indexed again; but a payload that was
        edited needs a new row, so the old one goes and the event takes the whole way.
        """
        by_pack: dict[UUID, UUID] = {}
        for part in parts:
            batch = new_id(self._clock())
            for letter_id in (letter.id for letter in part if letter.id in claimed):
                event_id, type_name, stage, edits = claimed[letter_id]
                pack_id = None
                if stage == "search" and type_name in event_types():
                    if edits:
                        unstore(cursor, type_name, event_id)
                    else:
                        pack_id = _pack_of(cursor, type_name, event_id)
                if pack_id is None:
                    yield letter_id, batch, None
                else:
                    yield letter_id, by_pack.setdefault(pack_id, new_id(self._clock())), pack_id


def _pack_of(cursor: Cursor, type_name: str, event_id: UUID) -> UUID | None:
    cursor.execute(
        sql.SQL("SELECT pack_id FROM {} WHERE id = %s").format(
            sql.Identifier(events_table(type_name))
        ),
        (event_id,),
    )
    row = cursor.fetchone()
    return row[0] if row else None


def _pack(cursor: Cursor, pack_id: UUID) -> StoredPack:
    cursor.execute(
        "SELECT id, key, type, day, events, stored_bytes, raw_bytes, files_at FROM packs"
        " WHERE id = %s",
        (pack_id,),
    )
    ((*ref, files_at),) = cursor.fetchall()
    return StoredPack(PackRef(*ref), files_at)
