"""Reading groups: what a person triages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg2 import sql

from events.text import storable
from storage.floors import Floors
from storage.model import Page
from storage.sql.arrays import array_literal
from storage.sql.cursors import bad_cursor, decode_cursor, encode_cursor
from storage.sql.database import Database
from storage.sql.terms import Terms

MAX_QUERY_CHARS = 200
_MAX_COUNT = 2**63 - 1
_SORTS_BY_TIME = frozenset({"last_seen", "first_seen"})
SORTS = _SORTS_BY_TIME | {"count", "users"}

_SELECT = """
SELECT groups.id, title, culprit, coalesce(projects.name, ''), type, count, users, first_seen,
    last_seen, status, project_id, dropped
FROM groups LEFT JOIN projects ON projects.id = project_id
"""

_PAST_PROJECTS = """
NOT EXISTS (
    SELECT FROM unnest(%s::int4[], %s::text[], %s::int8[]) AS past (project_id, type, floor_ms)
    WHERE past.project_id = groups.project_id AND past.type = groups.type
        AND groups.last_seen < to_timestamp(past.floor_ms / 1000.0)
)
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Events that share a fingerprint. ``count`` and ``users`` are of all it ever met, of which
    ``dropped`` events went when their term ended.
    """

    id: UUID
    title: str
    culprit: str | None
    project: str
    type: str
    count: int
    users: int
    first_seen: datetime
    last_seen: datetime
    status: str
    project_id: int
    dropped: int = 0


class Groups:
    """A group of which every event is past its term is as if it were not there. Without ``terms``
    only projects have one. Every method raises :class:`StoreDown` while PostgreSQL is away.
    """

    def __init__(self, database: Database, terms: Terms | None = None) -> None:
        self._database = database
        self._terms = terms or Terms(database)

    def find(self, group_id: UUID) -> Group | None:
        with self._database.transaction() as cursor:
            conditions, values = _kept(self._terms.floors_of(cursor))
            conditions.append(sql.SQL("groups.id = %s"))
            statement = sql.SQL(_SELECT + "WHERE ") + sql.SQL(" AND ").join(conditions)
            cursor.execute(statement, (*values, group_id))
            row = cursor.fetchone()
        return Group(*row) if row else None

    def count_open(self, project_id: int, most: int) -> int:
        """How many groups of a project are open, up to ``most``: it counts no further."""
        with self._database.transaction() as cursor:
            conditions, values = _kept(self._terms.floors_of(cursor))
            wanted = [*conditions, sql.SQL("project_id = %s"), sql.SQL("status = 'open'")]
            statement = sql.SQL(
                "SELECT count(*) FROM (SELECT FROM groups WHERE {} LIMIT %s) AS counted"
            ).format(sql.SQL(" AND ").join(wanted))
            cursor.execute(statement, (*values, project_id, most))
            (found,) = cursor.fetchone() or (0,)
        return int(found)

    def list(
        self,
        project: str | None = None,
        query: str | None = None,
        status: str | None = None,
        sort: str = "last_seen",
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Group]:
        """Groups by ``sort``, highest first. ``query`` is looked for in title and culprit, in any
        letter case. Raises ``ValueError`` for an unknown sort or a cursor of another list.
        """
        if sort not in SORTS:
            raise ValueError(f"sort must be one of {', '.join(sorted(SORTS))}")
        conditions, values = _filters(project, query, status)
        if cursor is not None:
            conditions.append(sql.SQL("({}, groups.id) < (%s, %s)").format(sql.Identifier(sort)))
            values.extend(_decode(cursor, sort))
        with self._database.transaction() as execute:
            kept, floors = _kept(self._terms.floors_of(execute))
            statement = sql.SQL("{}WHERE {} ORDER BY {} DESC, groups.id DESC LIMIT %s").format(
                sql.SQL(_SELECT),
                sql.SQL(" AND ").join([*kept, *conditions]),
                sql.Identifier(sort),
            )
            execute.execute(statement, (*floors, *values, limit + 1))
            items = [Group(*row) for row in execute]
        more = len(items) > limit
        return Page(items[:limit], _encode(items[limit - 1], sort) if more else None)


def _kept(floors: Floors) -> tuple[list[sql.Composable], list[Any]]:
    """Conditions of groups that have an event at or above their floor."""
    conditions: list[sql.Composable] = []
    values: list[Any] = []
    for type_name, floor in floors.types.items():
        conditions.append(sql.SQL("NOT (type = %s AND last_seen < to_timestamp(%s / 1000.0))"))
        values += [type_name, floor]
    if floors.projects:
        conditions.append(sql.SQL(_PAST_PROJECTS))
        projects, types = zip(*floors.projects, strict=True)
        values += [array_literal(part) for part in (projects, types, floors.projects.values())]
    return conditions, values


def _filters(
    project: str | None, query: str | None, status: str | None
) -> tuple[list[sql.Composable], list[Any]]:
    conditions: list[sql.Composable] = []
    values: list[Any] = []
    if project is None:
        conditions.append(sql.SQL("project_id > 0"))  # not the system's own
    else:
        # A subquery, not the join: its value lets the index on project and time be read in order.
        conditions.append(sql.SQL("project_id = (SELECT id FROM projects WHERE name = %s)"))
        values.append(storable(project))
    if query:
        conditions.append(sql.SQL("(title ILIKE %s OR culprit ILIKE %s)"))
        values.extend([_containing(query)] * 2)
    if status is not None:
        conditions.append(sql.SQL("status = %s"))
        values.append(storable(status))
    return conditions, values


def _containing(query: str) -> str:
    text = storable(query[:MAX_QUERY_CHARS])
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _encode(last: Group, sort: str) -> str:
    value = getattr(last, sort)
    return encode_cursor(
        sort, value.isoformat() if isinstance(value, datetime) else value, last.id.hex
    )


def _decode(cursor: str, sort: str) -> tuple[datetime | int, UUID]:
    """The sort value and id a page starts after."""
    of_sort, value, last_id = decode_cursor(cursor, 3)
    if of_sort != sort or not isinstance(last_id, str):
        raise bad_cursor()
    try:
        return _sort_value(value, sort), UUID(hex=last_id)
    except (ValueError, OverflowError):
        raise bad_cursor() from None


def _sort_value(value: str | int, sort: str) -> datetime | int:
    if sort in _SORTS_BY_TIME:
        return datetime.fromisoformat(str(value)).astimezone(UTC)
    if not isinstance(value, int) or not 0 <= value <= _MAX_COUNT:
        raise bad_cursor()
    return value
