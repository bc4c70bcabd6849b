"""Where events to erase may be: rows, packs with events of a project, dead letters."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg2 import sql

from events.ids import first_id
from storage.sql.arrays import array_literal
from storage.sql.database import Database
from storage.sql.erasing import Found
from storage.sql.letter_rows import DeadLetterRow, letter_of, select_letters
from storage.sql.tables import event_types, events_table

_PACKS = """
SELECT id, key, type FROM packs
WHERE (%(after)s::uuid IS NULL OR id > %(after)s)
    AND (%(since)s::timestamptz IS NULL OR sql_at >= %(since)s OR id >= %(since_id)s)
    AND (
        EXISTS (
            SELECT FROM jsonb_array_elements(counts) AS slot
            WHERE (slot ->> 1)::int4 = %(project)s)
        OR EXISTS (
            SELECT FROM tombstones AS left_out WHERE left_out.pack_id = packs.id
                AND left_out.project_id = %(project)s AND left_out.erasure_id IS NULL))
ORDER BY id LIMIT %(limit)s
"""

_LETTERS = """
WHERE letters.code <> 'erased' AND (%(project)s::int4 IS NULL OR letters.project_id = %(project)s)
    AND (%(event)s::uuid IS NULL OR letters.event_id = %(event)s)
    AND (%(after)s::uuid IS NULL OR letters.id > %(after)s)
    AND (%(since)s::timestamptz IS NULL OR letters.at >= %(since)s
        OR letters.status_at >= %(since)s)
ORDER BY letters.id LIMIT %(limit)s
"""


class Erasable:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def event(self, event_id: UUID) -> dict[str, list[Found]]:
        """An event by its row, or as one that was left out, by its type; nothing when it is
        neither.
        """
        found: dict[str, list[Found]] = {}
        for type_name in event_types():
            rows = self._rows(type_name, "WHERE id = %s", (event_id,))
            if rows:
                found[type_name] = rows
        return found or self._left_out("event_id = %s", (event_id,))

    def of_project(self, project_id: int, limit: int) -> dict[str, list[Found]]:
        """Some events of a project, by type: rows, then what was left out; nothing when there
        are no more.
        """
        for type_name in event_types():
            tail = "WHERE project_id = %s ORDER BY id LIMIT %s"
            rows = self._rows(type_name, tail, (project_id, limit))
            if rows:
                return {type_name: rows}
        return self._left_out("project_id = %s LIMIT %s", (project_id, limit))

    def of_sessions(
        self, project_id: int, sessions: Iterable[str], first: datetime, last: datetime
    ) -> list[Found]:
        """The rows of sessions of real users whose ids lie between two times."""
        return self._rows(
            "rum",
            "WHERE project_id = %s AND session_id = ANY(%s::text[]) AND id BETWEEN %s AND %s",
            (project_id, array_literal(sessions), _bound(first), _bound(last)),
        )

    def telling(self, project_id: int, sdk_ids: Collection[UUID]) -> dict[str, list[Found]]:
        """The rows, by type, of events that tell more of some that their SDKs gave these ids."""
        if not sdk_ids:
            return {}
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT type, event_id FROM mentions"
                " WHERE project_id = %s AND sdk_id = ANY(%s::uuid[])",
                (project_id, array_literal(sdk_ids)),
            )
            found: dict[str, list[UUID]] = {}
            for type_name, event_id in cursor:
                found.setdefault(type_name, []).append(event_id)
        return {
            type_name: self._rows(type_name, "WHERE id = ANY(%s::uuid[])", (array_literal(ids),))
            for type_name, ids in found.items()
        }

    def sdk_ids(self, event_id: UUID) -> set[UUID]:
        """The id that an event's SDK gave it, while that is known."""
        with self._database.transaction() as cursor:
            cursor.execute("SELECT sdk_id FROM sdk_ids WHERE event_id = %s", (event_id,))
            return {sdk_id for (sdk_id,) in cursor}

    def users_of(self, type_name: str, ids: Sequence[UUID]) -> dict[UUID, str]:
        """What rows tell of whose the events are, for payloads that cannot be read."""
        with self._database.transaction() as cursor:
            cursor.execute(
                sql.SQL(
                    "SELECT id, user_key FROM {} WHERE id = ANY(%s::uuid[])"
                    " AND user_key IS NOT NULL"
                ).format(sql.Identifier(events_table(type_name))),
                (array_literal(ids),),
            )
            return dict(cursor.fetchall())

    def packs(
        self, project_id: int, after: UUID | None, since: datetime | None, limit: int
    ) -> list[tuple[UUID, str, str]]:
        """Packs (id, key, type) with rows of a project, or with events of it that were left out,
        in the order of ids; with ``since`` those on record or made from then on.
        """
        values = {
            "project": project_id,
            "after": after,
            "since": since,
            "since_id": _bound(since) if since else None,
            "limit": limit,
        }
        with self._database.transaction() as cursor:
            cursor.execute(_PACKS, values)
            return cursor.fetchall()

    def letters(
        self,
        *,
        project_id: int | None,
        event_id: UUID | None = None,
        after: UUID | None = None,
        since: datetime | None = None,
        limit: int,
    ) -> list[DeadLetterRow]:
        """Letters that are not emptied yet, with payloads, in the order of ids; with ``since``
        those that changed from then on.
        """
        values = {
            "project": project_id,
            "event": event_id,
            "after": after,
            "since": since,
            "limit": limit,
        }
        with self._database.transaction() as cursor:
            cursor.execute(select_letters(payloads=True) + sql.SQL(_LETTERS), values)
            return [letter_of(row) for row in cursor]

    def _rows(self, type_name: str, tail: str, values: tuple[Any, ...]) -> list[Found]:
        table = sql.Identifier(events_table(type_name))
        selected = sql.SQL("SELECT id, project_id, pack_id FROM {} ").format(table)
        with self._database.transaction() as cursor:
            cursor.execute(selected + sql.SQL(tail), values)
            return [Found(*row) for row in cursor]

    def _left_out(self, tail: str, values: tuple[Any, ...]) -> dict[str, list[Found]]:
        """Events without a row, as their fingerprint is discarded, that are not erased yet."""
        found: dict[str, list[Found]] = {}
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT type, event_id, project_id, pack_id FROM tombstones"  # noqa: S608 - ours
                f" WHERE erasure_id IS NULL AND {tail}",
                values,
            )
            for type_name, *event in cursor:
                found.setdefault(type_name, []).append(Found(*event))
        return found


def _bound(moment: datetime) -> UUID:
    """The first id of a moment."""
    return first_id(round(moment.timestamp() * 1000))
