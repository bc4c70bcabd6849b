"""How long projects keep their events, and the floors that follow from it for every reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from config.retention import MAX_DAYS, type_terms
from config.settings import Settings
from events.ids import Clock, now_ms
from storage.errors import Rejected, StoreDown
from storage.floors import Floors, ProjectTerm, ProjectType, floors_at
from storage.sql.audit import write_audit
from storage.sql.connection import Cursor
from storage.sql.database import Database
from storage.sql.faults import STORE
from storage.sql.tables import events_table

_PROJECTS = "SELECT project_id, type, days, clearing_ms, cleared_ms FROM project_terms"
# What went for its bytes stays hidden, as its term would have it back.
_RETIRED = """
SELECT type, max(day) FROM retired_days WHERE ended_at IS NULL OR why = 'bytes' GROUP BY type
"""

_Raw: TypeAlias = tuple[dict[ProjectType, ProjectTerm], dict[str, date]]


@dataclass(frozen=True, slots=True)
class NamedTerm:
    """A project's own term of a type, for people."""

    project_id: int
    project: str
    type: str
    days: int


_Terms: TypeAlias = list[NamedTerm]


class Terms:
    """``days`` are the types' own terms, as :func:`config.retention.type_terms` gives them; a type
    that is not in it is kept for ever. Safe for threads.
    """

    def __init__(
        self, database: Database, days: Mapping[str, int] | None = None, clock: Clock = now_ms
    ) -> None:
        self._database = database
        self._days = dict(days or {})
        self._clock = clock
        self._last: _Raw | None = None

    @property
    def days(self) -> Mapping[str, int]:
        """The types' own terms in days, 0 for ever."""
        return self._days

    def floors(self) -> Floors:
        """The floors now, as SQL has them at this moment. Raises :class:`StoreDown`."""
        with self._database.transaction() as cursor:
            return self.floors_of(cursor)

    def floors_of(self, cursor: Cursor) -> Floors:
        """The same, in a transaction of the caller's."""
        self._last = _load(cursor)
        return self._floors(self._last)

    def last_floors(self) -> Floors:
        """The floors now; while PostgreSQL is away, of the terms that this process read last.

        Raises :class:`StoreDown` when it has read none yet.
        """
        try:
            return self.floors()
        except StoreDown:
            if self._last is None:
                raise
            return self._floors(self._last)

    def listed(self) -> _Terms:
        """Every project's own term, by name and type. Raises :class:`StoreDown`."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT project_id, name, type, days FROM project_terms"
                " JOIN projects ON projects.id = project_id WHERE days IS NOT NULL"
                " ORDER BY name, type"
            )
            return [NamedTerm(*row) for row in cursor]

    def set(self, project_id: int, type_name: str, days: int | None, actor: str) -> None:
        """Give a project a term of its own for a type, or, with null, its type's again; audited.

        What is past the new term is hidden from this transaction on. What was dropped under a
        shorter term does not come back. Raises :class:`Rejected` and :class:`StoreDown`.
        """
        _check(type_name, days, self._days.get(type_name, 0))
        with self._database.transaction() as cursor:
            cursor.execute("SELECT name FROM projects WHERE id = %s AND id > 0", (project_id,))
            found = cursor.fetchone()
            if found is None:
                raise Rejected(STORE, "there is no such project")
            cursor.execute(
                "INSERT INTO project_terms AS kept (project_id, type, days) VALUES (%s, %s, %s)"
                " ON CONFLICT (project_id, type) DO UPDATE SET days = excluded.days",
                (project_id, type_name, days),
            )
            detail = {"type": type_name, "days": days}
            write_audit(cursor, actor, "retention.set", found[0], detail)

    def clear_to(self, project_id: int, type_name: str, to_ms: int) -> None:
        """Hide a project's events before a moment for good: their rows are dropped from now on."""
        self._move("clearing_ms", project_id, type_name, to_ms)

    def cleared(self, project_id: int, type_name: str, to_ms: int) -> None:
        """Say that no row or document of a project's events before a moment is left."""
        self._move("cleared_ms", project_id, type_name, to_ms)

    def _move(self, column: str, project_id: int, type_name: str, to_ms: int) -> None:
        with self._database.transaction() as cursor:
            cursor.execute(
                f"UPDATE project_terms SET {column} = greatest({column}, %s)"  # noqa: S608 - ours
                " WHERE project_id = %s AND type = %s",
                (to_ms, project_id, type_name),
            )

    def _floors(self, raw: _Raw) -> Floors:
        return floors_at(self._clock(), self._days, *raw)


def open_terms(settings: Settings, database: Database, clock: Clock = now_ms) -> Terms:
    """The terms of types, from the settings, and of projects."""
    of_types = type_terms(settings.retention_days, settings.retention_bytes)
    return Terms(database, {name: term.days for name, term in of_types.items()}, clock)


def _load(cursor: Cursor) -> _Raw:
    cursor.execute(_PROJECTS)
    projects = {(row[0], row[1]): ProjectTerm(*row[2:]) for row in cursor}
    cursor.execute(_RETIRED)
    return projects, dict(cursor.fetchall())


def _check(type_name: str, days: int | None, of_type: int) -> None:
    try:
        events_table(type_name)
    except KeyError:
        raise Rejected(STORE, f"there is no event type {type_name!r}") from None
    if days is None:
        return
    if not 1 <= days <= MAX_DAYS:
        raise Rejected(STORE, f"a term has 1 to {MAX_DAYS} days")
    if of_type and days > of_type:
        raise Rejected(STORE, f"{type_name} is kept {of_type} days: a project's term is shorter")
