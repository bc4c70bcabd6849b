"""How far rebuilds are: which parts are in the making, and which packs each has taken in.

All progress is here, so a rebuild goes on after a kill where it was, on whichever machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from psycopg2 import sql

from config.settings import Secret
from storage.sql.arrays import array_literal
from storage.sql.connection import Cursor, connect
from storage.sql.database import Database
from storage.sql.locks import REBUILD, try_hold_session
from storage.sql.reconcile import SELECT_PACKS, PackOnRecord, pack_on_record
from storage.sql.tables import events_table

_LOCK_SECONDS = 10.0
_LOCK_TRIES = 10

_UNFED = """
SELECT id FROM packs
WHERE type = %s AND day BETWEEN %s AND %s AND NOT EXISTS (
    SELECT FROM rebuild_packs AS fed
    WHERE fed.rebuild_id = %s AND fed.pack_id = packs.id
        AND fed.counts_md5 = md5(packs.counts::text)
)
ORDER BY id
"""

_FED = """
INSERT INTO rebuild_packs (rebuild_id, pack_id, counts_md5, events, kept)
VALUES (%s, %s, %s, %s, %s::uuid[])
ON CONFLICT (rebuild_id, pack_id) DO UPDATE
SET counts_md5 = excluded.counts_md5, events = excluded.events, kept = excluded.kept
"""


@dataclass(frozen=True, slots=True)
class Part:
    """What one rebuild makes anew: days of a type, both included, under the name of the whole."""

    store: str
    type: str
    name: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Rebuild:
    """A rebuild under way. ``fresh``: it began just now, so a target left over is not its own."""

    id: int
    part: Part
    target: str
    started_at: datetime
    fresh: bool


class Rebuilds:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database, dsn: Secret) -> None:
        self._database = database
        self._dsn = dsn

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether no other process rebuilds; then none does until this ends, or dies."""
        with self._database.transaction():
            pass  # a StoreDown, where a bare connection would raise psycopg2's own
        with closing(connect(self._dsn, _LOCK_SECONDS)) as connection:
            connection.autocommit = True
            with connection.cursor(cursor_factory=Cursor) as cursor:
                yield any(_try(cursor) for _ in range(_LOCK_TRIES))

    def begin(self, part: Part, target: str) -> Rebuild:
        """Go on with the open rebuild of a part, or begin one that makes ``target``."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO rebuilds (store, type, part, target) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (store, type, part) WHERE ended_at IS NULL DO NOTHING",
                (part.store, part.type, part.name, target),
            )
            fresh = cursor.rowcount == 1
            cursor.execute(
                "SELECT id, target, started_at FROM rebuilds"
                " WHERE store = %s AND type = %s AND part = %s AND ended_at IS NULL",
                (part.store, part.type, part.name),
            )
            ((rebuild_id, known, started_at),) = cursor.fetchall()
        return Rebuild(rebuild_id, part, known, started_at, fresh)

    def forget_fed(self, rebuild: Rebuild) -> None:
        """Begin from nothing: the target is gone."""
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM rebuild_packs WHERE rebuild_id = %s", (rebuild.id,))

    def forget_revived(self, rebuild: Rebuild) -> None:
        """Take in again the packs of events that were dead and, since the start, are no more."""
        statement = sql.SQL(
            "DELETE FROM rebuild_packs WHERE rebuild_id = %s AND pack_id IN ("
            " SELECT event.pack_id FROM dead_letters AS letters JOIN {} AS event"
            " ON event.id = letters.event_id"
            " WHERE letters.status = 'replayed' AND letters.status_at >= %s)"
        ).format(sql.Identifier(events_table(rebuild.part.type)))
        with self._database.transaction() as cursor:
            cursor.execute(statement, (rebuild.id, rebuild.started_at))

    def progress(self, rebuild: Rebuild) -> tuple[int, int]:
        """Events of the packs taken in, and of all packs of the part."""
        part = rebuild.part
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT (SELECT coalesce(sum(events), 0) FROM rebuild_packs WHERE rebuild_id = %s),"
                " (SELECT coalesce(sum(events), 0) FROM packs"
                "  WHERE type = %s AND day BETWEEN %s AND %s)",
                (rebuild.id, part.type, part.first, part.last),
            )
            ((done, total),) = cursor.fetchall()
        return int(done), int(total)

    def has_packs(self, part: Part) -> bool:
        """Whether anything is on record to make the part from."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT FROM packs WHERE type = %s AND day BETWEEN %s AND %s LIMIT 1",
                (part.type, part.first, part.last),
            )
            return cursor.rowcount == 1

    def unfed(self, rebuild: Rebuild) -> list[UUID]:
        """The packs not taken in, or grown since, at this moment: so a pass over them ends."""
        part = rebuild.part
        with self._database.transaction() as cursor:
            cursor.execute(_UNFED, (part.type, part.first, part.last, rebuild.id))
            return [pack_id for (pack_id,) in cursor]

    def details(self, pack_ids: Sequence[UUID]) -> list[PackOnRecord]:
        """Packs on record by id."""
        with self._database.transaction() as cursor:
            cursor.execute(
                SELECT_PACKS + "WHERE id = ANY(%s::uuid[]) ORDER BY id", (array_literal(pack_ids),)
            )
            return [pack_on_record(row) for row in cursor]

    def mark_fed(self, rebuild: Rebuild, pack: PackOnRecord) -> None:
        """Say that a pack is in the target."""
        with self._database.transaction() as cursor:
            mark_fed(cursor, rebuild.id, pack, ())

    def end(self, rebuild: Rebuild) -> None:
        """Say that a part is done, or given up."""
        with self._database.transaction() as cursor:
            end_rebuild(cursor, rebuild.id)


def _try(cursor: Cursor) -> bool:
    """Reconciling holds the lock for the time of one transaction: that is waited for."""
    if try_hold_session(cursor, REBUILD):
        return True
    cursor.execute("SELECT pg_sleep(0.2)")
    return False


def mark_fed(cursor: Cursor, rebuild_id: int, pack: PackOnRecord, kept: Sequence[UUID]) -> None:
    """Note that a pack was taken in as it was on record then."""
    values = (rebuild_id, pack.ref.id, pack.counts_md5, pack.ref.events, array_literal(kept))
    cursor.execute(_FED, values)


def end_rebuild(cursor: Cursor, rebuild_id: int) -> None:
    """End a rebuild and clear what it noted."""
    cursor.execute("UPDATE rebuilds SET ended_at = now() WHERE id = %s", (rebuild_id,))
    for table in ("rebuild_packs", "rebuild_groups"):
        cursor.execute(
            sql.SQL("DELETE FROM {} WHERE rebuild_id = %s").format(sql.Identifier(table)),
            (rebuild_id,),
        )
