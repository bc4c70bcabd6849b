"""Accepted counts that moved here from the broker, and old minutes of the ledger as days.

Events that were dropped for their quota are counted with those accepted, under ``<type>|over``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from events.record import Column
from storage.ledger import DAY_MINUTES, OVER, Row, split_over
from storage.sql.arrays import array_literal, insert_rows
from storage.sql.connection import Cursor
from storage.sql.database import Database

#: How long the mark of a move that has ended is kept, in days: far longer than any reader reads.
_MARK_DAYS = 7

_COLUMNS = (
    Column("minute", "int8"),
    Column("project_id", "int4"),
    Column("type", "text"),
    Column("accepted", "int8"),
    Column("over_quota", "int8"),
)

_ROLL = """
WITH gone AS (
    DELETE FROM ledger WHERE minute > %(day)s AND minute < %(day)s + %(minutes)s RETURNING *
)
INSERT INTO ledger AS kept
    (minute, project_id, type, accepted, stored, filtered, over_quota, discarded, letters,
    client_lost)
SELECT %(day)s, project_id, type, sum(accepted), sum(stored), sum(filtered), sum(over_quota),
    sum(discarded), sum(letters), sum(client_lost)
FROM gone GROUP BY project_id, type ORDER BY project_id, type
ON CONFLICT (minute, project_id, type) DO UPDATE SET
    accepted = kept.accepted + excluded.accepted,
    stored = kept.stored + excluded.stored,
    filtered = kept.filtered + excluded.filtered,
    over_quota = kept.over_quota + excluded.over_quota,
    discarded = kept.discarded + excluded.discarded,
    letters = kept.letters + excluded.letters,
    client_lost = kept.client_lost + excluded.client_lost
"""


@dataclass(frozen=True, slots=True)
class Moved:
    """One moment of what moved: counts of a span, which of the moves asked for are in them, and
    before which minute the ledger is told by the day.
    """

    counts: Mapping[Row, int]
    marked: frozenset[UUID]
    rolled_before: int


class MovedCounts:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, move: UUID, counts: Mapping[Row, int]) -> bool:
        """Add a move's counts, once however often this is called; False when they were there."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO accepted_moves (id) VALUES (%s) ON CONFLICT DO NOTHING", (move,)
            )
            if not cursor.rowcount:
                return False
            accepted, over = split_over(counts)
            if rows := [(*row, events, over.get(row, 0)) for row, events in accepted.items()]:
                then = (
                    "ON CONFLICT (minute, project_id, type)"
                    " DO UPDATE SET accepted = kept.accepted + excluded.accepted,"
                    " over_quota = kept.over_quota + excluded.over_quota"
                )
                insert_rows(cursor, "ledger", _COLUMNS, rows, key=3, then=then)
            return True

    def read(self, first_minute: int, last_minute: int, moves: Collection[UUID]) -> Moved:
        """The counts of minutes from first to last, and which of these moves they have in them."""
        with self._database.transaction() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute(
                "SELECT minute, project_id, type, accepted - over_quota FROM ledger"
                " WHERE minute BETWEEN %(first)s AND %(last)s AND accepted <> over_quota"
                " UNION ALL SELECT minute, project_id, type || %(over)s, over_quota FROM ledger"
                " WHERE minute BETWEEN %(first)s AND %(last)s AND over_quota <> 0",
                {"first": first_minute, "last": last_minute, "over": OVER},
            )
            counts = {(row[0], row[1], row[2]): int(row[3]) for row in cursor}
            marked = _marked(cursor, moves) if moves else frozenset()
            return Moved(counts, marked, _rolled_before(cursor))

    def rolled_before(self) -> int:
        """Before which minute the ledger is told by the day."""
        with self._database.transaction() as cursor:
            return _rolled_before(cursor)

    def forget(self, under_way: Collection[UUID]) -> None:
        """Forget the marks of moves that ended long ago; never of those ``under_way``."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "DELETE FROM accepted_moves WHERE at < now() - make_interval(days => %s)"
                " AND id <> ALL(%s::uuid[])",
                (_MARK_DAYS, array_literal(under_way)),
            )

    def roll_up(self, before_minute: int) -> int:
        """Tell minutes before one by the day from now on, and merge their rows; how many days had
        rows to merge.

        Every sum stays what it was at each moment, whatever is counted or killed meanwhile.
        """
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE ledger_rolled SET before_minute = greatest(before_minute, %s)",
                (before_minute - before_minute % DAY_MINUTES,),
            )
        days = self._days_to_roll()
        for day in days:
            with self._database.transaction() as cursor:
                cursor.execute(_ROLL, {"day": day, "minutes": DAY_MINUTES})
        return len(days)

    def _days_to_roll(self) -> list[int]:
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT DISTINCT minute - minute %% %s AS day FROM ledger, ledger_rolled"
                " WHERE minute < before_minute AND minute %% %s <> 0 ORDER BY day",
                (DAY_MINUTES, DAY_MINUTES),
            )
            return [day for (day,) in cursor]


def _marked(cursor: Cursor, moves: Collection[UUID]) -> frozenset[UUID]:
    cursor.execute(
        "SELECT id FROM accepted_moves WHERE id = ANY(%s::uuid[])", (array_literal(moves),)
    )
    return frozenset(move for (move,) in cursor)


def _rolled_before(cursor: Cursor) -> int:
    cursor.execute("SELECT before_minute FROM ledger_rolled")
    ((before,),) = cursor.fetchall()
    return int(before)
