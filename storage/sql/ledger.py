"""What became of events, as SQL counts it: the settled side of the ledger."""

from __future__ import annotations

from typing import Any

from storage.ledger import Row, SettledCounts
from storage.sql.database import Database
from storage.sql.projects import Projects

_MINUTES = """
SELECT minute, project_id, type, sum(stored), sum(filtered), 0, sum(dead), sum(discarded),
    sum(client_lost)
FROM (
    SELECT minute, project_id, type, stored, filtered, 0 AS dead, discarded, client_lost
    FROM ledger
    UNION ALL
    SELECT minute, project_id, type, 0, 0, (status = 'open')::int, (status = 'discarded')::int, 0
    FROM dead_letters WHERE status <> 'replayed'
) AS settled
WHERE minute BETWEEN %s AND %s AND (%s::int4 IS NULL OR project_id = %s)
GROUP BY minute, project_id, type
"""

# Dead letters that retention dropped are counted in the ledger; all others are there.
_TOTALS = """
SELECT type, sum(stored), sum(filtered), sum(over_quota), sum(dead), sum(discarded),
    sum(client_lost)
FROM (
    SELECT type, stored, filtered, over_quota, letters AS dead, discarded, client_lost
    FROM ledger_totals
    WHERE project_id > 0
    UNION ALL
    SELECT type, 0, 0, 0, 1, (status = 'discarded')::int, 0 FROM dead_letters WHERE project_id > 0
) AS settled
GROUP BY type
"""

_EVER = """
SELECT (SELECT coalesce(sum(stored + filtered + discarded), 0) FROM ledger_totals
        WHERE project_id > 0)
    + (SELECT count(*) FROM dead_letters
       WHERE project_id > 0 AND status IN ('open', 'discarded'))
"""


class Settled:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._projects = Projects(database)

    def minutes(
        self, project: str | None, first_minute: int, last_minute: int
    ) -> dict[Row, SettledCounts]:
        """Counts of the minutes from first to last, both included, of one project or all; what was
        over quota is counted with what was accepted.

        One statement, so from one moment: an event that is just being settled is in it once or
        not at all. A project that is not there has no counts.
        """
        project_id = None
        if project is not None:
            found = self._projects.by_name(project)
            if found is None:
                return {}
            project_id = found.id
        with self._database.transaction() as cursor:
            cursor.execute(_MINUTES, (first_minute, last_minute, project_id, project_id))
            return {(row[0], row[1], row[2]): _counts(row[3:]) for row in cursor}

    def totals(self) -> dict[str, SettledCounts]:
        """By type, over all time, for counters that only grow: so ``dead`` is every dead letter
        ever made, also those replayed or discarded since. Without the system's own events.
        """
        with self._database.transaction() as cursor:
            cursor.execute(_TOTALS)
            return {row[0]: _counts(row[1:]) for row in cursor}

    def ever(self) -> int:
        """How many events that the broker held have their fate, over all time, without the system's
        own. What was over quota it never held.
        """
        with self._database.transaction() as cursor:
            cursor.execute(_EVER)
            ((settled,),) = cursor.fetchall()
            return int(settled)


def _counts(row: tuple[Any, ...]) -> SettledCounts:
    return SettledCounts(*(int(value) for value in row))
