"""One day's partition in the making, and the swap by which it takes the place of the one in use.

The table in the making is filled from packs, in transactions that also note how far it is. The swap
is one transaction that keeps every other writer of events out. In it the new table is first brought
level with the old one, so that whatever happened meanwhile is in it: events that arrived, letters
that died, rows that moved to another pack.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from psycopg2 import sql

from events.record import Column, GroupKey, Record
from storage.missing import PackMember, missing_rows
from storage.model import EventLocation
from storage.sql.arrays import insert_rows
from storage.sql.connection import Cursor
from storage.sql.database import Database
from storage.sql.locks import PARTITIONS, SETTLING, hold_alone
from storage.sql.partitions import Partitions, bounds, partition_name, renew_day
from storage.sql.rebuilds import Rebuild, end_rebuild, mark_fed
from storage.sql.reconcile import PackOnRecord, lettered
from storage.sql.recount import drifts, recount
from storage.sql.rows import event_columns, event_row, row_packs
from storage.sql.series import admit_series
from storage.sql.tables import derived_tables, events_table

LOCK_SECONDS = 5

Item = tuple[Record, str, EventLocation]

_GROUPS = (
    Column("rebuild_id", "int8"),
    Column("id", "uuid"),
    Column("project_id", "int4"),
    Column("fingerprint", "text"),
    Column("title", "text"),
    Column("culprit", "text"),
)

# A row of another pack counts, or of an event that is dead: not the one made here.
_DROP_STALE = """
DELETE FROM {new} AS made USING {old} AS live
WHERE live.id = made.id AND live.pack_id <> made.pack_id
"""
_DROP_DEAD = """
DELETE FROM {new} AS made USING dead_letters AS letters
WHERE letters.event_id = made.id AND letters.status <> 'replayed'
    AND NOT EXISTS (SELECT FROM {old} AS live WHERE live.id = made.id)
"""
_DROP_ERASED = """
DELETE FROM {new} AS made USING tombstones WHERE tombstones.event_id = made.id
"""
# Rows of packs that were not taken in, or of events that can be made no more.
_CARRY_OVER = """
INSERT INTO {new} ({columns})
SELECT {columns} FROM {old} AS live
WHERE NOT EXISTS (SELECT FROM {new} AS made WHERE made.id = live.id)
    AND NOT EXISTS (
        SELECT FROM rebuild_packs AS fed JOIN packs ON packs.id = fed.pack_id
        WHERE fed.rebuild_id = %(rebuild)s AND fed.pack_id = live.pack_id
            AND fed.counts_md5 = md5(packs.counts::text) AND live.id <> ALL(fed.kept)
    )
"""


@dataclass(frozen=True, slots=True)
class Swapped:
    """What a swap did: rows now, rows carried over from the old table, rows no pack explains."""

    rows: int
    carried: int
    dropped: int


class DayTable:
    """The partition of one day of a type, in the making under the rebuild's target name.

    Every method raises :class:`StoreDown`, and may be repeated after a kill at any instant.
    """

    def __init__(self, database: Database, rebuild: Rebuild) -> None:
        self._database = database
        self._rebuild = rebuild
        self._type = rebuild.part.type
        self._day: date = rebuild.part.first
        self._parent = events_table(self._type)
        self._old = partition_name(self._parent, self._day)
        self._new = rebuild.target
        self._names = {"old": sql.Identifier(self._old), "new": sql.Identifier(self._new)}

    def create(self) -> None:
        """Make the table, without what a rebuild given up may have left under its name.

        It states its bounds itself, so that attaching it need not read it.
        """
        Partitions(self._database).ensure(self._type, [self._day])
        lower, upper = bounds(self._day)
        with self._database.transaction() as cursor:
            if self._rebuild.fresh:
                self._execute(cursor, "DROP TABLE IF EXISTS {new}")
            self._execute(
                cursor,
                "CREATE TABLE IF NOT EXISTS {new}"
                " (LIKE {parent} INCLUDING ALL, CONSTRAINT {bounds} CHECK (id >= %s AND id < %s))",
                (str(lower), str(upper)),
            )

    def wanted(
        self, pack: PackOnRecord, members: Sequence[PackMember]
    ) -> tuple[set[UUID], set[UUID]]:
        """The events of a pack that get a row of it: those that have one, those that lost it."""
        ids = [event_id for event_id, _ in members]
        with self._database.transaction() as cursor:
            rows = row_packs(cursor, self._type, ids)
            dead = lettered(cursor, ids)
        own = {event_id for event_id, pack_id in rows.items() if pack_id == pack.ref.id}
        lost = missing_rows(pack.ref.id, pack.counts, members, rows, dead).counted
        return own, set(lost)

    def feed(self, pack: PackOnRecord, items: Sequence[Item], kept: Collection[UUID]) -> None:
        """Take in a pack: its rows, its groups' names, and that it was taken in.

        ``kept`` are events whose row cannot be made anew: they keep it. Raises :class:`Rejected`.
        """
        with self._database.transaction() as cursor:
            records = admit_series(cursor, self._type, [record for record, _, _ in items])
            rows = [
                event_row(pack.ref, record, protocol, location)
                for record, (_, protocol, location) in zip(records, items, strict=True)
            ]
            if rows:
                insert_rows(
                    cursor,
                    self._new,
                    event_columns(self._type),
                    rows,
                    key=1,
                    then="ON CONFLICT DO NOTHING",
                )
            self._name_groups(cursor, [record for record, _, _ in items])
            mark_fed(cursor, self._rebuild.id, pack, sorted(kept))

    def swap(self) -> Swapped:
        """Put the table in the place of the partition, with exact counts of groups, and end.

        Storing of events waits meanwhile, for the time of some passes over the day. What is slow,
        the drift of counters against all partitions, is found before.
        """
        drift = drifts(self._database, self._parent, (self._old, self._new))
        with self._database.transaction() as cursor:
            self._execute(cursor, f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
            hold_alone(cursor, SETTLING)
            hold_alone(cursor, PARTITIONS)
            swapped = self._level(cursor)
            changed = recount(cursor, self._rebuild, self._parent, (self._old, self._new), drift)
            self._exchange(cursor)
            changed.finish(cursor)
            end_rebuild(cursor, self._rebuild.id)
        return swapped

    def _level(self, cursor: Cursor) -> Swapped:
        """Bring the new table level with the old one."""
        columns = sql.SQL(", ").join(sql.Identifier(c.name) for c in event_columns(self._type))
        self._execute(cursor, _DROP_STALE)
        self._execute(cursor, _DROP_DEAD)
        self._execute(cursor, _DROP_ERASED)
        cursor.execute(
            sql.SQL(_CARRY_OVER).format(columns=columns, **self._names),
            {"rebuild": self._rebuild.id},
        )
        carried = cursor.rowcount
        self._execute(
            cursor,
            "SELECT (SELECT count(*) FROM {new}), (SELECT count(*) FROM {old} AS live"
            " WHERE NOT EXISTS (SELECT FROM {new} AS made WHERE made.id = live.id))",
        )
        ((rows, dropped),) = cursor.fetchall()
        return Swapped(rows, carried, dropped)

    def _exchange(self, cursor: Cursor) -> None:
        lower, upper = bounds(self._day)
        self._execute(cursor, "ALTER TABLE {parent} DETACH PARTITION {old}")
        self._execute(cursor, "DROP TABLE {old}")
        self._execute(cursor, "ALTER TABLE {new} RENAME TO {old}")
        self._execute(
            cursor,
            "ALTER TABLE {parent} ATTACH PARTITION {old} FOR VALUES FROM (%s) TO (%s)",
            (str(lower), str(upper)),
        )
        self._execute(cursor, "ALTER TABLE {old} DROP CONSTRAINT {bounds}")
        self._derive(cursor)

    def _derive(self, cursor: Cursor) -> None:
        """Make what SQL derives from the day's rows anew: no trigger saw them come."""
        derived = derived_tables(self._type)
        for table in derived:
            renew_day(cursor, table, self._day)
        if derived:
            procedure = sql.Identifier(f"derive_{self._type}")
            cursor.execute(sql.SQL("CALL {}(%s::regclass)").format(procedure), (self._old,))

    def _name_groups(self, cursor: Cursor, records: Iterable[Record]) -> None:
        named: dict[UUID, tuple[int, GroupKey]] = {}
        for record in records:
            if record.group is not None:
                group_id = record.group.group_id(record.project_id)
                named.setdefault(group_id, (record.project_id, record.group))
        rows = [
            (self._rebuild.id, group_id, project, key.fingerprint, key.title, key.culprit)
            for group_id, (project, key) in named.items()
        ]
        if rows:
            then = "ON CONFLICT DO NOTHING"
            insert_rows(cursor, "rebuild_groups", _GROUPS, rows, key=2, then=then)

    def _execute(self, cursor: Cursor, statement: str, values: tuple[str, ...] = ()) -> None:
        names = {
            **self._names,
            "parent": sql.Identifier(self._parent),
            "bounds": sql.Identifier(f"{self._parent}_rebuilt_bounds"),
        }
        cursor.execute(sql.SQL(statement).format(**names), values or None)
