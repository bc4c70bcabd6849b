"""Clusters of dead letters: one row for all that died of one cause."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from psycopg2 import sql

from storage.sql.database import Database
from storage.sql.letter_filter import OPEN, LetterFilter

_CLUSTERS = """
SELECT cluster, stage, code, count(*), count(DISTINCT project_id), min(at), max(at),
    (array_agg(id ORDER BY id DESC))[1], (array_agg(reason ORDER BY id DESC))[1],
    array_agg(DISTINCT type),
    coalesce((array_agg(DISTINCT release) FILTER (WHERE release <> ''))[:5], '{{}}')
FROM dead_letters AS letters WHERE {}
GROUP BY cluster, stage, code ORDER BY count(*) DESC, max(at) DESC LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Cluster:
    """``key`` filters lists, replays and discards. ``example`` is the newest letter and ``reason``
    its reason; ``releases`` are some of those whose code gave up.
    """

    key: str
    stage: str
    code: str
    count: int
    projects: int
    first_at: datetime
    last_at: datetime
    example: UUID
    reason: str
    types: list[str]
    releases: list[str]

    @property
    def queues(self) -> list[str]:
        """The queues in which its events died."""
        return [f"{name}.{self.stage}" for name in self.types]


_Listed: TypeAlias = list[Cluster]  # the class has a method of the name


class Clusters:
    """Raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, wanted: LetterFilter = OPEN, limit: int = 50) -> _Listed:
        """Clusters of the letters that match, largest first."""
        conditions, values = wanted.conditions()
        with self._database.transaction() as cursor:
            cursor.execute(sql.SQL(_CLUSTERS).format(conditions), (*values, limit))
            return [Cluster(*row) for row in cursor]
