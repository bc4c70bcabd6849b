"""Packs in SQL: the events of a pack become rows, and once searchable, they count as stored.

Any pack may be stored any number of times, at once or again after a kill at any instant: rows,
groups and the ledger grow only by events that had no row before. An erased event gets none, nor one
that its SDK sent before, nor one of a discarded fingerprint; and a pack that was merged or dropped
meanwhile gives none: its events have theirs elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from events.ids import Clock, id_day, now_ms
from events.record import Record
from storage.errors import Rejected
from storage.model import PackRef
from storage.sql.connection import Cursor
from storage.sql.database import Database
from storage.sql.discarded_fingerprints import leave_out
from storage.sql.doomed import is_left
from storage.sql.grouping import grow_groups
from storage.sql.locks import SETTLING, hold_shared
from storage.sql.mentions import note_mentions
from storage.sql.partitions import Partitions
from storage.sql.rehearsal import rehearse
from storage.sql.repeats import leave_out_repeats
from storage.sql.rows import Item, existing_ids, insert_events, rows_of_pack
from storage.sql.settling import (
    count_filtered,
    count_lost,
    count_searched,
    keep_pack,
    resolve_letters,
)
from storage.sql.spares import note_erased_copies, note_others_copies
from storage.sql.tombstones import erased_ids, mark_unwanted, settle_unwanted
from storage.sql.usage import add_pack_usage

_NO_PARTITION = "23514"


class _Left(Exception):
    """The pack left the record while its events were being stored: nothing of it counts."""


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

    def rehearse(self, pack: PackRef, item: Item) -> None:
        """Have PostgreSQL judge an event's row and its group's, in tables of the transaction's own.

        Raises :class:`Rejected` as storing it would. Nothing is kept, and nobody waits.
        """
        with self._database.transaction() as cursor:
            rehearse(cursor, pack, item)

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

    def own_ids(self, pack: PackRef, ids: Collection[UUID]) -> set[UUID]:
        """Which of the ids have a row that came in this pack.

        An event may lie in several packs, and after an edit with another payload: the pack of its
        row has the payload that counts.
        """
        with self._database.transaction() as cursor:
            return rows_of_pack(cursor, pack, ids)

    def left_record(self, pack_id: UUID) -> bool:
        """Whether a pack was merged into another or dropped: a message that names it is late."""
        with self._database.transaction() as cursor:
            return is_left(cursor, pack_id)

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
        try:
            with self._database.transaction() as cursor:
                return len(_write(cursor, pack, files_at, items))
        except _Left:
            with self._database.transaction() as cursor:
                hold_shared(cursor, SETTLING)
                settle_unwanted(cursor, pack.type, _members(items))
            return 0


def _write(
    cursor: Cursor, pack: PackRef, files_at: datetime, items: Sequence[Item]
) -> list[Record]:
    """Every transaction takes its locks in this order, so that no two wait for each other.

    That the pack is still on record is asked last, when its row is locked: who takes packs off the
    record locks it too, so one of the two sees the other.
    """
    hold_shared(cursor, SETTLING)
    unwanted, filtered = mark_unwanted(cursor, pack.type, _members(items))
    left = [item for item in items if item[0].id not in unwanted]
    repeats = leave_out_repeats(cursor, pack.type, _records(left))
    left = [item for item in left if item[0].id not in repeats.ids]
    discarded = leave_out(cursor, pack, _records(left))
    left = [item for item in left if item[0].id not in discarded.ids]
    inserted = insert_events(cursor, pack, left)
    keep_pack(cursor, pack, files_at, inserted)
    if is_left(cursor, pack.id):
        raise _Left
    settled = {record.id for record in inserted} | repeats.ids | discarded.ids
    _note_copies(cursor, pack, {one.id for one in _records(items)} - settled - unwanted, unwanted)
    resolve_letters(cursor, [*settled])
    note_mentions(cursor, pack.type, inserted)
    count_lost(cursor, inserted)
    grow_groups(cursor, pack.type, inserted)
    places = {record.id: location for record, _, location in items}
    add_pack_usage(cursor, pack, [(one.project_id, places[one.id]) for one in inserted])
    count_filtered(cursor, pack.type, filtered + repeats.slots() + discarded.slots())
    return inserted


def _records(items: Sequence[Item]) -> list[Record]:
    return [record for record, _, _ in items]


def _members(items: Sequence[Item]) -> list[tuple[UUID, int]]:
    return [(record.id, record.project_id) for record, _, _ in items]


def _note_copies(cursor: Cursor, pack: PackRef, others: set[UUID], unwanted: set[UUID]) -> None:
    """Events that this pack holds and has no row for are copies, to be dropped one day."""
    if unwanted and (erased := erased_ids(cursor, unwanted)):
        note_erased_copies(cursor, pack.id, pack.type, erased)
    if others:
        note_others_copies(cursor, pack.id, pack.type, others)
