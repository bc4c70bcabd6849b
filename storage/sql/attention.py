"""What of projects needs somebody: groups that are new, and those that came back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg2 import sql

from storage.sql.database import Database
from storage.sql.group_filter import GroupFilter
from storage.sql.tables import event_types, events_table

_STATES = ("new", "regressed")
_WAITING = """
SELECT project_id, count(*) FILTER (WHERE new), count(*) FILTER (WHERE NOT new)
FROM (
    SELECT project_id, true AS new FROM groups
    WHERE project_id = ANY(%s::int4[]) AND {new}
    UNION ALL
    SELECT project_id, false FROM groups WHERE project_id = ANY(%s::int4[]) AND {regressed}
) AS waiting
GROUP BY project_id
"""


@dataclass(frozen=True, slots=True)
class Attention:
    """Groups of a project that are new, and those that regressed, as the list of groups has it."""

    new: int
    regressed: int


class AttentionBook:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_projects(self, projects: Sequence[int], now: datetime) -> dict[int, Attention]:
        """For each project; zeros for one in which nothing waits. One query."""
        new, regressed = (GroupFilter(now, status=one).conditions() for one in _STATES)
        statement = _WAITING.format(new=new[0], regressed=regressed[0])
        with self._database.transaction() as cursor:
            cursor.execute(statement, (list(projects), *new[1], list(projects), *regressed[1]))
            found = {number: Attention(*counts) for number, *counts in cursor}
        return {number: found.get(number, Attention(0, 0)) for number in projects}

    def open_letters(self, most: int) -> int:
        """How many open dead letters there are, counted no further than ``most``."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT count(*) FROM (SELECT FROM dead_letters WHERE status = 'open' LIMIT %s)"
                " AS counted",
                (most,),
            )
            ((count,),) = cursor.fetchall()
        return int(count)

    def newest(self, project_id: int) -> dict[str, UUID]:
        """The newest stored event of each type that a project has any of."""
        part = sql.SQL("(SELECT {}, id FROM {} WHERE project_id = %s ORDER BY id DESC LIMIT 1)")
        types = event_types()
        parts = [part.format(sql.Literal(n), sql.Identifier(events_table(n))) for n in types]
        with self._database.transaction() as cursor:
            cursor.execute(sql.SQL(" UNION ALL ").join(parts), [project_id] * len(parts))
            return dict(cursor.fetchall())
