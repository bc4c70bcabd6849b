"""Reading transactions, and which events have something of a trace."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg2 import sql

from events.trace import MAX_SPANS
from storage.model import Page
from storage.sql.connection import Cursor
from storage.sql.cursors import decode_id_cursor, id_cursor
from storage.sql.database import Database
from storage.sql.terms import Terms

_COLUMNS = """
segment.event_id, segment.project_id, coalesce(projects.name, ''), segment.trace_id,
segment.span_id, segment.service, segment.environment, segment.version, segment.name,
segment.category, segment.started_at, segment.duration_ms, segment.failed, segment.user_key
"""
_SLOWEST = """
SELECT {columns} FROM trace_segments AS segment
    LEFT JOIN projects ON projects.id = segment.project_id
WHERE segment.span_id IS NOT NULL AND segment.project_id = %(project)s
    AND segment.event_id >= %(first)s AND segment.event_id < %(after)s
    AND (%(service)s::text IS NULL OR segment.service = %(service)s)
    AND (%(name)s::text IS NULL OR segment.name = %(name)s)
    AND (%(failed)s::boolean IS NULL OR segment.failed = %(failed)s)
    AND (%(user)s::text IS NULL OR segment.user_key = %(user)s)
ORDER BY {order} LIMIT %(limit)s
"""
_ORDERS = {
    "slowest": "segment.duration_ms DESC NULLS LAST, segment.event_id DESC, segment.span_id",
    "newest": "segment.event_id DESC, segment.span_id",
}
_EVENTS = """
SELECT DISTINCT segment.event_id, segment.project_id FROM trace_segments AS segment
WHERE segment.trace_id = %s AND (%s::int4 IS NULL OR segment.project_id = %s)
    AND segment.project_id <> 0
ORDER BY segment.event_id LIMIT %s
"""
_OF_TRACE = """
SELECT {columns} FROM trace_segments AS segment
    LEFT JOIN projects ON projects.id = segment.project_id
WHERE segment.trace_id = %s AND segment.span_id IS NOT NULL AND segment.project_id <> 0
ORDER BY segment.started_at NULLS LAST, segment.event_id LIMIT %s
"""
_CRASHES = """
SELECT event.id, event.project_id, coalesce(projects.name, ''), event.group_id, event.class_name,
    event.message, event.span_id, event.user_key
FROM crash_events AS event LEFT JOIN projects ON projects.id = event.project_id
WHERE event.trace_id = %s AND (%s::int4 IS NULL OR event.project_id = %s) AND event.project_id <> 0
ORDER BY event.id LIMIT %s
"""


class Transaction(NamedTuple):
    """A transaction as its row tells of it; ``event_id`` is the event that has its spans."""

    event_id: UUID
    project_id: int
    project: str
    trace_id: UUID
    span_id: str
    service: str | None
    environment: str | None
    version: str | None
    name: str | None
    category: str | None
    started_at: datetime | None
    duration_ms: float | None
    failed: bool
    user: str | None


class TraceCrash(NamedTuple):
    """A crash that happened within a trace."""

    id: UUID
    project_id: int
    project: str
    group_id: UUID | None
    class_name: str | None
    message: str | None
    span_id: str | None
    user: str | None


def _page(items: list[Transaction], limit: int) -> Page[Transaction]:
    """A page of whole events, at most one more than fit: the next begins below the last of them."""
    shown = items[:limit]
    if len(items) <= limit:
        return Page(shown, None)
    last = shown[-1].event_id
    shown += [item for item in items[limit:] if item.event_id == last]
    return Page(shown, id_cursor(last) if len(items) > len(shown) else None)


class Traces:
    """What is past its term is as if it were not there. Every method raises :class:`StoreDown`
    while PostgreSQL is away.
    """

    def __init__(self, database: Database, terms: Terms) -> None:
        self._database = database
        self._terms = terms

    def transactions(
        self,
        project_id: int,
        first: UUID,
        after: UUID,
        *,
        order: str,
        limit: int,
        filters: dict[str, Any],
        cursor: str | None = None,
    ) -> Page[Transaction]:
        """Transactions received between two ids: the slowest of them, or the newest, page by page.

        Raises ``ValueError`` for a cursor that is none.
        """
        before = decode_id_cursor(cursor)
        statement = sql.SQL(_SLOWEST).format(
            columns=sql.SQL(_COLUMNS), order=sql.SQL(_ORDERS[order])
        )
        with self._database.transaction() as query:
            kept = self._terms.floors_of(query).first_id(project_id, "trace")
            query.execute(
                statement,
                {
                    **filters,
                    "project": project_id,
                    "first": max(first, kept),
                    "after": min(after, before) if before else after,
                    "limit": limit + MAX_SPANS,
                },
            )
            items = [Transaction(*row) for row in query]
        return _page(items, limit) if order == "newest" else Page(items[:limit], None)

    def transactions_of(self, trace_id: UUID, limit: int) -> list[Transaction]:
        """The transactions of a trace in the order in which they began, of all projects."""
        statement = sql.SQL(_OF_TRACE).format(columns=sql.SQL(_COLUMNS))
        with self._database.transaction() as cursor:
            cursor.execute(statement, (trace_id, limit))
            items = [Transaction(*row) for row in cursor]
            floors = self._terms.floors_of(cursor)
        return [one for one in items if not floors.hidden(one.project_id, "trace", one.event_id)]

    def events_of(self, trace_id: UUID, project_id: int | None, limit: int) -> list[UUID]:
        """The events that have something of a trace, in the order of their ids."""
        with self._database.transaction() as cursor:
            cursor.execute(_EVENTS, (trace_id, project_id, project_id, limit))
            return self._kept(cursor, "trace")

    def crashes_of(self, trace_id: UUID, project_id: int | None, limit: int) -> list[TraceCrash]:
        """The crashes that happened within a trace."""
        with self._database.transaction() as cursor:
            cursor.execute(_CRASHES, (trace_id, project_id, project_id, limit))
            rows = cursor.fetchall()
            floors = self._terms.floors_of(cursor)
        return [
            TraceCrash(event_id, owner, *rest)
            for event_id, owner, *rest in rows
            if not floors.hidden(owner, "crash", event_id)
        ]

    def _kept(self, cursor: Cursor, type_name: str) -> list[UUID]:
        rows = cursor.fetchall()
        floors = self._terms.floors_of(cursor)
        return [
            event_id for event_id, owner in rows if not floors.hidden(owner, type_name, event_id)
        ]
