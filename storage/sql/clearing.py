"""Taking a project's events out of SQL that are past its term, while others' of the day stay."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from uuid import UUID

from psycopg2 import sql

from events.ids import id_minute
from storage.sql.arrays import array_literal
from storage.sql.connection import Cursor
from storage.sql.database import Database
from storage.sql.dropping import drop_from_groups
from storage.sql.growth import id_hour
from storage.sql.locks import SETTLING, hold_alone
from storage.sql.settling import decode_counts, encode_counts
from storage.sql.tables import events_table, version_column
from storage.sql.trend import shrink_trend

# An event with a letter that is not settled may be on its way again: it goes with its day.
_IDS = """
SELECT id FROM {} AS event WHERE project_id = %s AND id > %s AND id < %s
    AND NOT EXISTS (
        SELECT FROM dead_letters AS letters
        WHERE letters.event_id = event.id AND letters.status <> 'replayed'
    )
ORDER BY id LIMIT %s
"""

_DROP = """
DELETE FROM {table} WHERE id = ANY(%s::uuid[])
RETURNING id, project_id, pack_id, group_id, {version}
"""

_Slots = Counter[tuple[int, int]]


class Clearing:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, type_name: str, project_id: int, before: UUID) -> int:
        """How many rows of a project have ids below one."""
        with self._database.transaction() as cursor:
            cursor.execute(
                sql.SQL("SELECT count(*) FROM {} WHERE project_id = %s AND id < %s").format(
                    sql.Identifier(events_table(type_name))
                ),
                (project_id, before),
            )
            ((events,),) = cursor.fetchall()
            return int(events)

    def rebuilt(self, type_name: str) -> bool:
        """Whether a rebuild of the type is not done: it would bring back what is taken out."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT FROM rebuilds WHERE type = %s AND ended_at IS NULL LIMIT 1", (type_name,)
            )
            return bool(cursor.rowcount)

    def ids(
        self, type_name: str, project_id: int, after: UUID, before: UUID, limit: int
    ) -> list[UUID]:
        """Events of a project between two ids, in their order."""
        with self._database.transaction() as cursor:
            cursor.execute(
                sql.SQL(_IDS).format(sql.Identifier(events_table(type_name))),
                (project_id, after, before, limit),
            )
            return [event_id for (event_id,) in cursor]

    def drop(self, type_name: str, ids: Sequence[UUID]) -> int:
        """Delete rows; how many. Their packs tell of so many less, their groups go on to count
        them, and the ledger does not change.
        """
        with self._database.transaction() as cursor:
            hold_alone(cursor, SETTLING)
            cursor.execute(
                sql.SQL(_DROP).format(
                    table=sql.Identifier(events_table(type_name)),
                    version=sql.SQL(version_column(type_name)),
                ),
                (array_literal(ids),),
            )
            rows = cursor.fetchall()
            gone: dict[UUID, _Slots] = defaultdict(Counter)
            for event_id, project_id, pack_id, _, _ in rows:
                gone[pack_id][id_minute(event_id), project_id] += 1
            _leave_packs(cursor, gone)
            hours = Counter(
                (group_id, id_hour(event_id), version)
                for event_id, *_, group_id, version in rows
                if group_id is not None
            )
            shrink_trend(cursor, hours)
            groups = Counter(group_id for *_, group_id, _ in rows if group_id is not None)
            drop_from_groups(cursor, type_name, groups)
            return len(rows)


def _leave_packs(cursor: Cursor, gone: dict[UUID, _Slots]) -> None:
    """A pack's counts tell of exactly its rows. What is pending counts as stored when it would."""
    cursor.execute(
        "SELECT id, counts FROM packs WHERE id = ANY(%s::uuid[]) ORDER BY id FOR UPDATE",
        (array_literal(gone),),
    )
    for pack_id, counts in cursor.fetchall():
        cursor.execute(
            "UPDATE packs SET counts = %s::jsonb WHERE id = %s",
            (encode_counts(decode_counts(counts) - gone[pack_id]), pack_id),
        )
