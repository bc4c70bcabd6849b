"""What happened to groups, read back, and comments of people on them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from events.text import storable
from storage.model import Page
from storage.sql.cursors import bad_cursor, decode_cursor, encode_cursor
from storage.sql.database import Database
from storage.sql.group_triage import note_history

MAX_COMMENT_CHARS = 10_000

_LIST = """
SELECT id, group_id, at, actor, action, detail, action_id FROM group_history
WHERE group_id IN (SELECT id FROM groups WHERE id = %(group)s OR merged_into = %(group)s)
    AND (%(before)s::int8 IS NULL OR id < %(before)s)
ORDER BY id DESC LIMIT %(limit)s
"""

# What it said is gone, that it was there stays.
_TAKE_BACK = """
UPDATE group_history SET detail = jsonb_build_object('taken_back', true)
WHERE id = %s AND action = 'commented' AND actor = %s
    AND group_id IN (SELECT id FROM groups WHERE id = %s OR merged_into = %s)
"""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """``group_id`` is the group or the member that it happened to; no ``actor``: the system.
    ``action_id``: the action on many groups that it was part of.
    """

    id: int
    group_id: UUID
    at: datetime
    actor: str | None
    action: str
    detail: dict[str, Any]
    action_id: UUID | None


_Listed: TypeAlias = Page[HistoryEntry]


class GroupHistory:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, group_id: UUID, cursor: str | None = None, limit: int = 50) -> _Listed:
        """What happened to a group and its members, the last first; ``ValueError`` for a bad
        cursor.
        """
        values = {"group": group_id, "before": _decode(cursor), "limit": limit + 1}
        with self._database.transaction() as execute:
            execute.execute(_LIST, values)
            items = [HistoryEntry(*row) for row in execute]
        more = len(items) > limit
        return Page(items[:limit], encode_cursor(items[limit - 1].id) if more else None)

    def comment(self, group_id: UUID, text: str, actor: str) -> None:
        """Say something on a group."""
        with self._database.transaction() as cursor:
            detail = {"text": storable(text[:MAX_COMMENT_CHARS])}
            note_history(cursor, group_id, "commented", detail, actor)

    def take_back(self, group_id: UUID, entry_id: int, actor: str) -> bool:
        """Take one's own comment back; False when it is not one, or somebody else's."""
        with self._database.transaction() as cursor:
            cursor.execute(_TAKE_BACK, (entry_id, storable(actor), group_id, group_id))
            return bool(cursor.rowcount)


def _decode(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    (last,) = decode_cursor(cursor, 1)
    if not isinstance(last, int) or not 0 <= last < 2**63:
        raise bad_cursor()
    return last
