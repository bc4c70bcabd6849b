"""Saved views: named queries of a project's list of groups, a person's own or shared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from events.ids import Clock, new_id, now_ms
from events.text import storable
from storage.errors import Rejected
from storage.sql.database import Database
from storage.sql.faults import STORE

MAX_NAME_CHARS = 100
MAX_VIEWS = 200

_SELECT = "SELECT id, project_id, owner, name, query, sort, made_by, made_at FROM saved_views "


@dataclass(frozen=True, slots=True)
class SavedView:
    """``owner``: whose it is; null: all see it who see the project."""

    id: UUID
    project_id: int
    owner: str | None
    name: str
    query: str
    sort: str
    made_by: str
    made_at: datetime


_Listed: TypeAlias = list[SavedView]


class SavedViews:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database, clock: Clock = now_ms) -> None:
        self._database = database
        self._clock = clock

    def list(self, project_id: int, person: str) -> _Listed:
        """The views of a project that a person sees: shared ones, then the person's own."""
        with self._database.transaction() as cursor:
            cursor.execute(
                _SELECT + "WHERE project_id = %s AND (owner IS NULL OR owner = %s)"
                " ORDER BY owner IS NOT NULL, name",
                (project_id, storable(person)),
            )
            return [SavedView(*row) for row in cursor]

    def save(
        self, project_id: int, name: str, query: str, sort: str, person: str, *, shared: bool
    ) -> SavedView:
        """Keep a view; one of the name and owner is replaced. Raises :class:`Rejected` for a name
        that is unfit, and where there are too many already.
        """
        if not 1 <= len(name) <= MAX_NAME_CHARS or not name.isprintable() or name != name.strip():
            raise Rejected(STORE, f"a view's name has 1 to {MAX_NAME_CHARS} printable characters")
        owner = None if shared else storable(person)
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT count(*) FROM saved_views WHERE project_id = %s"
                " AND coalesce(owner, '') = coalesce(%s, '') AND name <> %s",
                (project_id, owner, name),
            )
            ((others,),) = cursor.fetchall()
            if others >= MAX_VIEWS:
                raise Rejected(STORE, f"there are {MAX_VIEWS} views already: remove some")
            cursor.execute(
                "INSERT INTO saved_views AS kept"
                " (id, project_id, owner, name, query, sort, made_by)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (project_id, (coalesce(owner, '')), name) DO UPDATE SET"
                " query = excluded.query, sort = excluded.sort, made_by = excluded.made_by,"
                " made_at = now()"
                " RETURNING id, project_id, owner, name, query, sort, made_by, made_at",
                (
                    *(new_id(self._clock()), project_id, owner, name, storable(query), sort),
                    storable(person),
                ),
            )
            (row,) = cursor.fetchall()
            return SavedView(*row)

    def remove(self, project_id: int, view_id: UUID, person: str) -> bool:
        """Remove a shared view, or the person's own; False when there is no such one."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "DELETE FROM saved_views WHERE id = %s AND project_id = %s"
                " AND (owner IS NULL OR owner = %s)",
                (view_id, project_id, storable(person)),
            )
            return bool(cursor.rowcount)
