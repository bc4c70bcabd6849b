"""Packs in SQL: the events of a pack become rows, and once searchable, they count as stored.

Any pack may be stored any number of times, at once or again after a kill at any instant: rows,
groups and the ledger grow only by events that had no row before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from events.ids import Clock, id_day, now_ms
from events.record import Record
from storage.errors import Rejected
from storage.model import PackRef
from storage.sql.connection import Cursor
from storage.sql.database import Database
from storage.sql.grouping import grow_groups
from storage.sql.locks import SETTLING, hold_shared
from storage.sql.partitions import Partitions
from storage.sql.rows import Item, existing_ids, insert_events, row_packs
from storage.sql.settling import count_searched, keep_pack, resolve_letters

_NO_PARTITION = "23514"


class Packs:
    """Every method raises :class:`StoreDown` while PostgreSQL is away; safe for threads."""

    def __init__(self, database: Database, clock: Clock = now_ms) -> None:
        self._database = database
        self._partitions = Partitions(database, clock)

    def store(self, pack: PackRef, files_at: datetime, items: Sequence[Item]) -> int:
        """Store events of a pack, all of them or a part; how many had no row before.

        One transaction: the rows, the pack, the groups' counts, and the end of open dead letters
        of what is stored now. Raises :class:`Rejected`, with nothing stored, when PostgreSQL
        refuses any of the values.
        """
        return self._attempt(pack, files_at, items)

    def mark_searched(self, pack_id: UUID, at: datetime, refused: Iterable[UUID] = ()) -> bool:
        """Say that what a pack inserted is searchable, but for what was ``refused`` just now.

        The rest counts as stored in the ledger from this transaction on, each event once however
        often this is called, and is dead no more if it was. What was refused must be dead-lettered
        before. True when the pack was not marked before; False too when it is unknown.
        """
        with self._database.transaction() as cursor:
            hold_shared(cursor, SETTLING)
            return count_searched(cursor, pack_id, at, refused)

    def stored_ids(self, type_name: str, ids: Iterable[UUID]) -> set[UUID]:
        """Which of the ids have a row, of whichever pack."""
        with self._database.transaction() as cursor:
            return existing_ids(cursor, type_name, ids)

    def own_ids(self, pack: PackRef, ids: Iterable[UUID]) -> set[UUID]:
        """Which of the ids have a row that came in this pack.

        An event may lie in several packs, and after an edit with another payload: the pack of its
        row has the payload that counts.
        """
        with self._database.transaction() as cursor:
            rows = row_packs(cursor, pack.type, ids)
        return {event_id for event_id, pack_id in rows.items() if pack_id == pack.id}

    def _attempt(self, pack: PackRef, files_at: datetime, items: Sequence[Item]) -> int:
        days = {id_day(record.id) for record, _, _ in items}
        self._partitions.ensure(pack.type, days)
        try:
            return self._transact(pack, files_at, items)
        except Rejected as exc:
            if getattr(exc.__cause__, "pgcode", None) != _NO_PARTITION:
                raise
        # Retention dropped a partition that this process still thought to be there.
        self._partitions.forget()
        self._partitions.ensure(pack.type, days)
        return self._transact(pack, files_at, items)

    def _transact(self, pack: PackRef, files_at: datetime, items: Sequence[Item]) -> int:
        with self._database.transaction() as cursor:
            return len(_write(cursor, pack, files_at, items))


def _write(
    cursor: Cursor, pack: PackRef, files_at: datetime, items: Sequence[Item]
) -> list[Record]:
    """Every transaction takes its locks in this order, so that no two wait for each other."""
    hold_shared(cursor, SETTLING)
    inserted = insert_events(cursor, pack, items)
    keep_pack(cursor, pack, files_at, inserted)
    resolve_letters(cursor, [record.id for record in inserted])
    grow_groups(cursor, pack.type, inserted)
    return inserted
