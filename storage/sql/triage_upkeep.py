"""What time alone does to groups and releases, and what a killed or older writer left undone."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from events.triage import on_time
from storage.sql.connection import Cursor
from storage.sql.database import Database
from storage.sql.group_rows import number_groups
from storage.sql.group_triage import lock_standings, turn
from storage.sql.locks import SETTLING, hold_shared

_AT_ONCE = 500

# Of every type's events: a release without any that is kept is forgotten with the last of them.
_FORGET_RELEASES = """
DELETE FROM releases WHERE last_seen < %s AND NOT EXISTS (
    SELECT FROM group_versions AS seen
    WHERE seen.project_id = releases.project_id AND seen.version = releases.version
)
"""


class TriageUpkeep:
    """Every method raises :class:`StoreDown` while PostgreSQL is away, and may be repeated."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def end_ignoring(self, now: datetime) -> int:
        """Open groups again that were ignored until a time that is over; how many."""
        ended = 0
        while found := self._end_some(now):
            ended += found
        return ended

    def number(self) -> int:
        """Give numbers to groups that were stored without: by workers of an earlier release."""
        numbered = 0
        while found := self._number_some():
            numbered += found
        return numbered

    def forget_releases(self, before: datetime) -> int:
        """Forget releases not seen since a moment, of which no event is kept; how many."""
        with self._database.transaction() as cursor:
            cursor.execute(_FORGET_RELEASES, (before,))
            return cursor.rowcount

    def _end_some(self, now: datetime) -> int:
        with self._database.transaction() as cursor:
            hold_shared(cursor, SETTLING)
            ids = _some(
                cursor,
                "status = 'ignored' AND merged_into IS NULL AND ignored_until <= %s",
                now,
            )
            ended = 0
            for standing in lock_standings(cursor, ids):
                turned = on_time(standing.triage, now, standing.count, standing.users)
                if turned is not None:
                    turn(cursor, standing.id, turned)
                    ended += 1
            return ended

    def _number_some(self) -> int:
        with self._database.transaction() as cursor:
            hold_shared(cursor, SETTLING)
            ids = _some(cursor, "number IS NULL AND lead_id IS NULL")
            number_groups(cursor, ids)
            return len(ids)


def _some(cursor: Cursor, which: str, *values: object) -> list[UUID]:
    cursor.execute(
        f"SELECT id FROM groups WHERE {which} LIMIT {_AT_ONCE}",  # noqa: S608 - ours
        values,
    )
    return [group_id for (group_id,) in cursor]
