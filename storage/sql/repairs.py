"""What reconciling repaired, kept for people and metrics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from storage.sql.arrays import array_literal
from storage.sql.database import Database


@dataclass(frozen=True, slots=True)
class Repair:
    """One repair of a pack. ``kind``: ``rows_restored``, ``search_rerun`` (documents or a message
    were gone) or ``chain_rerun`` (the pack had never reached SQL).
    """

    kind: str
    type: str
    pack_id: UUID
    events: int


class Repairs:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, repair: Repair) -> None:
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO repairs (kind, type, pack_id, events) VALUES (%s, %s, %s, %s)",
                (repair.kind, repair.type, repair.pack_id, repair.events),
            )

    def tried(self, pack_ids: Iterable[UUID], hours: int) -> dict[tuple[UUID, str], int]:
        """How often each pack was repaired of late, by kind."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT pack_id, kind, count(*) FROM repairs WHERE pack_id = ANY(%s::uuid[])"
                " AND at > now() - make_interval(hours => %s) GROUP BY 1, 2",
                (array_literal(pack_ids), hours),
            )
            return {(pack_id, kind): times for pack_id, kind, times in cursor}

    def totals(self) -> dict[tuple[str, str], int]:
        """Events repaired, by kind and type, since the start."""
        with self._database.transaction() as cursor:
            cursor.execute("SELECT kind, type, sum(events) FROM repairs GROUP BY 1, 2")
            return {(kind, type_name): int(events) for kind, type_name, events in cursor}
