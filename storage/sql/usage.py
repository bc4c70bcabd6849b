"""What the object store is used for, in SQL: what came into packs, requests, and what lies there.

``pack_usage`` is exact: it grows in the transaction that writes the rows, by rows that are new. A
project's share of a pack is by raw bytes there, and by events in ``storage_samples``, as table
``packs`` has counts of events alone. ``object_requests`` is what processes counted and added.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from storage.cost import Requests, Sample, Written
from storage.files.meter import Counts
from storage.model import EventLocation, PackRef
from storage.sql.connection import Cursor
from storage.sql.database import Database

_SLOTS = 8

_SAMPLE = """
INSERT INTO storage_samples (day, project_id, type, objects, events, raw_bytes, stored_bytes)
SELECT %(day)s, project_id, type, sum(share), sum(events), sum(share * raw_bytes),
    sum(share * stored_bytes)
FROM (
    SELECT packs.type, (entry ->> 1)::int4 AS project_id, packs.raw_bytes, packs.stored_bytes,
        sum((entry ->> 2)::int8)::int8 AS events,
        sum((entry ->> 2)::int8)::float8 / greatest(packs.events, 1) AS share
    FROM packs, jsonb_array_elements(packs.counts) AS entry
    GROUP BY packs.id, 2
) AS shares
GROUP BY project_id, type
UNION ALL
SELECT %(day)s, project_id, 'blob', count(*), 0, sum(bytes), sum(bytes) FROM blobs
GROUP BY project_id
"""


def add_pack_usage(
    cursor: Cursor, pack: PackRef, inserted: Iterable[tuple[int, EventLocation]]
) -> None:
    """Count rows of a pack that were inserted now, given as project and place.

    Locks as little as it can: last in its transaction, and one of several slots of a row.
    """
    events: dict[int, int] = defaultdict(int)
    sizes: dict[int, int] = defaultdict(int)
    for project_id, location in inserted:
        events[project_id] += 1
        sizes[project_id] += location.length
    whole = max(pack.raw_bytes, 1)
    for project_id in sorted(events):
        share = sizes[project_id] / whole
        cursor.execute(
            "INSERT INTO pack_usage AS usage"
            " (month, project_id, type, slot, events, packs, raw_bytes, stored_bytes)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (month, project_id, type, slot) DO UPDATE SET"
            " events = usage.events + excluded.events, packs = usage.packs + excluded.packs,"
            " raw_bytes = usage.raw_bytes + excluded.raw_bytes,"
            " stored_bytes = usage.stored_bytes + excluded.stored_bytes",
            (
                *(pack.day.replace(day=1), project_id, pack.type, pack.id.int % _SLOTS),
                *(events[project_id], share, sizes[project_id], share * pack.stored_bytes),
            ),
        )


class Usage:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_requests(self, day: date, counts: Counts) -> None:
        """Add what a process counted, in the month of a day; all of it or nothing."""
        with self._database.transaction() as cursor:
            for (kind, operation), count in sorted(counts.items()):
                cursor.execute(
                    "INSERT INTO object_requests AS known (month, type, operation, requests, bytes)"
                    " VALUES (%s, %s, %s, %s, %s)"
                    " ON CONFLICT (month, type, operation) DO UPDATE SET"
                    " requests = known.requests + excluded.requests,"
                    " bytes = known.bytes + excluded.bytes",
                    (day.replace(day=1), kind, operation, count.requests, count.bytes),
                )

    def sample(self, day: date) -> None:
        """Look at what lies in the object store, by table ``packs`` and the blobs; a day's later
        look takes the place of its earlier one.
        """
        with self._database.transaction() as cursor:
            cursor.execute("LOCK TABLE storage_samples IN SHARE ROW EXCLUSIVE MODE")
            cursor.execute("DELETE FROM storage_samples WHERE day = %s", (day,))
            cursor.execute(_SAMPLE, {"day": day})

    def written(self, month: date) -> list[Written]:
        """What came into packs in a month, by project and type."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT project_id, type, sum(events)::int8, sum(packs), sum(raw_bytes)::int8,"
                " sum(stored_bytes) FROM pack_usage WHERE month = %s GROUP BY project_id, type",
                (month,),
            )
            return [Written(*row) for row in cursor]

    def requests(self, month: date) -> list[Requests]:
        """Requests of a month, by type and operation."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT type, operation, requests, bytes FROM object_requests WHERE month = %s",
                (month,),
            )
            return [Requests(*row) for row in cursor]

    def request_totals(self) -> list[Requests]:
        """Requests of all months, by type and operation."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT type, operation, sum(requests)::int8, sum(bytes)::int8"
                " FROM object_requests GROUP BY type, operation ORDER BY 1, 2"
            )
            return [Requests(*row) for row in cursor]

    def samples(self, month: date, end: date) -> list[Sample]:
        """What lay in the object store on the days of a month, before ``end``."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT day, project_id, type, objects, events, raw_bytes, stored_bytes"
                " FROM storage_samples WHERE day >= %s AND day < %s",
                (month, end),
            )
            return [Sample(*row) for row in cursor]
