"""Taking erased events out of SQL: rows, groups, packs' counts, dead letters, half-made rebuilds.

All that happens in one transaction that holds ``SETTLING`` alone, with the tombstones. The ledger
goes on to count what it counted as stored; what was dead counts as discarded, and what was on its
way counts as filtered when it comes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from psycopg2 import sql

from events.ids import id_minute
from storage.files.keys import pack_id_of
from storage.sql.arrays import array_literal
from storage.sql.connection import Cursor
from storage.sql.erasing_groups import Occurrence, leave_groups
from storage.sql.settling import decode_counts, encode_counts
from storage.sql.tables import events_table, version_column
from storage.sql.tombstones import add_tombstones, erased_ids

_Slots: TypeAlias = Counter[tuple[int, int]]

_TAKE_ROWS = """
DELETE FROM {table} WHERE id = ANY(%s::uuid[])
RETURNING id, project_id, pack_id, group_id, user_key, {version}
"""

_LETTERS = """
SELECT event_id, stage, status, pack_key FROM dead_letters
WHERE event_id = ANY(%s::uuid[]) FOR UPDATE
"""

# Nothing of the payload is left, nor of what quotes it. An event on its way is dead no more: it is
# left out when it comes, and counts as discarded until then and after.
_BLANK_LETTERS = """
UPDATE dead_letters SET
    status = CASE WHEN status IN ('open', 'replaying') THEN 'discarded' ELSE status END,
    status_at = now(), status_by = 'erasure', status_reason = 'erased',
    code = 'erased', reason = '', traceback = '', cluster = '', payload = NULL, edited = NULL,
    pack_key = NULL, frame_offset = NULL, frame_length = NULL, slice_offset = NULL,
    slice_length = NULL, checksum = NULL
WHERE event_id = ANY(%s::uuid[])
"""

_BLANK_REPLAYS = """
UPDATE replays SET reason = 'a letter of it was erased'
WHERE reason IS NOT NULL
    AND id IN (SELECT replay_id FROM replay_items WHERE event_id = ANY(%s::uuid[]))
"""


@dataclass(frozen=True, slots=True)
class Found:
    """An event to erase. ``pack_id`` is where it was met, if in a pack."""

    id: UUID
    project_id: int
    pack_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Letter:
    event_id: UUID
    stage: str
    status: str
    pack_id: UUID | None


def erase_events(
    cursor: Cursor, erasure_id: UUID, type_name: str, events: Sequence[Found]
) -> Counter[str]:
    """Erase events of a type; how many of what was there: events, rows, dead letters, groups.

    The caller holds ``SETTLING`` alone. What has a tombstone is erased already and counts nothing.
    """
    before = erased_ids(cursor, [event.id for event in events])
    first = {event.id: event for event in reversed(events) if event.id not in before}
    ids = list(first)
    rows = _take_rows(cursor, type_name, ids)
    letters = _blank_letters(cursor, ids)
    _leave_packs(cursor, rows, letters)
    groups = leave_groups(cursor, type_name, rows)
    _leave_rebuilds(cursor, type_name, ids, [row.group_id for row in rows if row.group_id])
    known = {row.id for row in rows} | {
        letter.event_id for letter in letters if letter.status != "replayed"
    }
    places = _places(rows, letters, first.values())
    erased = add_tombstones(
        cursor,
        erasure_id,
        type_name,
        [(one.id, one.project_id, places.get(one.id), one.id in known) for one in first.values()],
    )
    return Counter(events=len(erased), rows=len(rows), dead_letters=len(letters), groups=groups)


def _take_rows(cursor: Cursor, type_name: str, ids: Sequence[UUID]) -> list[Occurrence]:
    names = {
        "table": sql.Identifier(events_table(type_name)),
        "version": sql.SQL(version_column(type_name)),
    }
    cursor.execute(sql.SQL(_TAKE_ROWS).format(**names), (array_literal(ids),))
    return [Occurrence(*row) for row in cursor]


def _blank_letters(cursor: Cursor, ids: Sequence[UUID]) -> list[_Letter]:
    """Empty the events' letters; as they were."""
    given = (array_literal(ids),)
    cursor.execute(_LETTERS, given)
    letters = [
        _Letter(event_id, stage, status, pack_id_of(key) if key else None)
        for event_id, stage, status, key in cursor
    ]
    if letters:
        cursor.execute(_BLANK_LETTERS, given)
        cursor.execute(_BLANK_REPLAYS, given)
        cursor.execute(
            "UPDATE replay_items SET why = NULL"
            " WHERE event_id = ANY(%s::uuid[]) AND why IS NOT NULL",
            given,
        )
    return letters


def _leave_packs(cursor: Cursor, rows: Iterable[Occurrence], letters: Iterable[_Letter]) -> None:
    """Packs tell of one row less each. What is dead in search counts by its letter from now on.

    All else that is pending stays so: it counts as stored when its pack is marked, as it would.
    """
    dead = {one.event_id for one in letters if one.stage == "search" and one.status != "replayed"}
    gone: dict[UUID, _Slots] = defaultdict(Counter)
    lettered: dict[UUID, _Slots] = defaultdict(Counter)
    for row in rows:
        slot = (id_minute(row.id), row.project_id)
        gone[row.pack_id][slot] += 1
        lettered[row.pack_id][slot] += row.id in dead
    cursor.execute(
        "SELECT id, counts, pending FROM packs WHERE id = ANY(%s::uuid[]) ORDER BY id FOR UPDATE",
        (array_literal(gone),),
    )
    for pack_id, counts, pending in cursor.fetchall():
        cursor.execute(
            "UPDATE packs SET counts = %s::jsonb, pending = %s::jsonb WHERE id = %s",
            (
                encode_counts(decode_counts(counts) - gone[pack_id]),
                encode_counts(decode_counts(pending) - lettered[pack_id]),
                pack_id,
            ),
        )


def _places(
    rows: Iterable[Occurrence], letters: Iterable[_Letter], events: Iterable[Found]
) -> dict[UUID, UUID]:
    """The pack with each event's bytes: its row's, else its letter's, else where it was met."""
    places: dict[UUID, UUID] = {}
    known: list[tuple[UUID, UUID | None]] = [(row.id, row.pack_id) for row in rows]
    known += [(letter.event_id, letter.pack_id) for letter in letters]
    known += [(event.id, event.pack_id) for event in events]
    for event_id, pack_id in known:
        if pack_id is not None:
            places.setdefault(event_id, pack_id)
    return places


def _leave_rebuilds(
    cursor: Cursor, type_name: str, ids: Sequence[UUID], groups: Collection[UUID]
) -> None:
    """Take the events out of days that are half made anew."""
    for target in open_targets(cursor, "sql", type_name):
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (target,))
        if cursor.fetchone() == (True,):
            statement = sql.SQL("DELETE FROM {} WHERE id = ANY(%s::uuid[])")
            cursor.execute(statement.format(sql.Identifier(target)), (array_literal(ids),))
    cursor.execute(
        "DELETE FROM rebuild_groups WHERE id = ANY(%s::uuid[])", (array_literal(groups),)
    )


def open_targets(cursor: Cursor, store: str, type_name: str) -> list[Any]:
    """Tables or indices of a type that a rebuild has begun to make."""
    cursor.execute(
        "SELECT target FROM rebuilds WHERE store = %s AND type = %s AND ended_at IS NULL",
        (store, type_name),
    )
    return [target for (target,) in cursor]
