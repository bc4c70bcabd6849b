"""Counting events into the ledger exactly once, whatever is repeated.

``packs.pending`` holds the events that a pack inserted and the ledger does not count as stored.
Marking a pack as searched moves them to the ledger, but for those that are dead, discarded or on
their way again, which stay pending: so every event a pack inserted is in the ledger, dead or
pending, and in one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import orjson
from psycopg2 import sql

from events.ids import id_minute
from events.record import Column, Record
from storage.model import PackRef
from storage.sql.arrays import array_literal, insert_rows
from storage.sql.connection import Cursor
from storage.sql.tables import events_table

_MinuteProject: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Events that get no row: all of a batch, and those of them that were not left out before."""

    ids: frozenset[UUID] = frozenset()
    fresh: tuple[Record, ...] = ()

    def slots(self) -> Counter[_MinuteProject]:
        """What is to be counted as filtered in this transaction, after all else."""
        return Counter((id_minute(one.id), one.project_id) for one in self.fresh)


_LEDGER_KEY = (Column("minute", "int8"), Column("project_id", "int4"), Column("type", "text"))

# A part of a pack stored after the pack was marked is not searchable yet: so neither is the pack.
_KEEP_PACK = """
INSERT INTO packs AS kept
    (id, key, type, day, events, stored_bytes, raw_bytes, counts, pending, files_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s::jsonb, %s)
ON CONFLICT (id) DO UPDATE SET
    counts = kept.counts || excluded.counts,
    pending = kept.pending || excluded.pending,
    search_at = NULL
WHERE excluded.counts <> '[]'
"""

# What a run indexed is dead no more, whatever an earlier run met.
_RESOLVE_SEARCHED = """
UPDATE dead_letters AS letters SET status = 'replayed', status_at = now()
FROM {} AS event
WHERE event.id = letters.event_id AND event.pack_id = %s
    AND letters.status IN ('open', 'replaying') AND letters.type = %s
    AND letters.minute = ANY(%s::int8[]) AND letters.event_id <> ALL(%s::uuid[])
"""

_DEAD_IN_SEARCH = """
SELECT letters.minute, letters.project_id, count(DISTINCT letters.event_id)
FROM dead_letters AS letters JOIN {} AS event ON event.id = letters.event_id
WHERE event.pack_id = %s AND letters.status <> 'replayed' AND letters.type = %s
    AND letters.minute = ANY(%s::int8[])
GROUP BY 1, 2
"""


def keep_pack(
    cursor: Cursor, pack: PackRef, files_at: datetime, inserted: Iterable[Record]
) -> None:
    """Note a pack, or add to it what this transaction inserted."""
    slots = ((id_minute(record.id), record.project_id) for record in inserted)
    counts = encode_counts(Counter(slots))
    cursor.execute(
        _KEEP_PACK,
        (
            *(pack.id, pack.key, pack.type, pack.day, pack.events),
            *(pack.stored_bytes, pack.raw_bytes, counts, counts, files_at),
        ),
    )


def resolve_letters(cursor: Cursor, ids: Sequence[UUID]) -> None:
    """Close the dead letters of events that have a row from now on."""
    cursor.execute(
        "UPDATE dead_letters SET status = 'replayed', status_at = now()"
        " WHERE status <> 'replayed' AND event_id = ANY(%s::uuid[])",
        (array_literal(ids),),
    )


def count_searched(cursor: Cursor, pack_id: UUID, at: datetime, refused: Iterable[UUID]) -> bool:
    """Mark a pack and count what is pending, but for what is dead or was refused just now.

    True when it was not marked before.
    """
    cursor.execute(
        "SELECT type, pending, search_at IS NULL FROM packs WHERE id = %s FOR UPDATE", (pack_id,)
    )
    row = cursor.fetchone()
    if row is None:
        return False
    type_name, stored_pending, first = row
    pending = decode_counts(stored_pending)
    minutes = array_literal({minute for minute, _ in pending})
    table = sql.Identifier(events_table(type_name))
    cursor.execute(
        sql.SQL(_RESOLVE_SEARCHED).format(table),
        (pack_id, type_name, minutes, array_literal(refused)),
    )
    cursor.execute(sql.SQL(_DEAD_IN_SEARCH).format(table), (pack_id, type_name, minutes))
    dead = Counter({(minute, project): events for minute, project, events in cursor})
    _count_stored(cursor, type_name, pending - dead)
    cursor.execute(
        "UPDATE packs SET search_at = coalesce(search_at, %s), pending = %s::jsonb WHERE id = %s",
        (at, encode_counts(pending & dead), pack_id),
    )
    return bool(first)


def _count_stored(cursor: Cursor, type_name: str, stored: Counter[_MinuteProject]) -> None:
    _count(cursor, type_name, "stored", stored)


def count_filtered(cursor: Cursor, type_name: str, filtered: Counter[_MinuteProject]) -> None:
    """Count events that were accepted and are left out on purpose."""
    _count(cursor, type_name, "filtered", filtered)


def count_lost(cursor: Cursor, inserted: Iterable[Record]) -> None:
    """Count what clients say, in events that have a row from now on, that they could not send."""
    lost: Counter[tuple[int, int, str]] = Counter()
    for record in inserted:
        for type_name, events in record.lost.items():
            lost[id_minute(record.id), record.project_id, type_name] += events
    _count_rows(cursor, "client_lost", [(*key, events) for key, events in lost.items()])


def _count(cursor: Cursor, type_name: str, fate: str, settled: Counter[_MinuteProject]) -> None:
    rows = [(minute, project, type_name, events) for (minute, project), events in settled.items()]
    _count_rows(cursor, fate, rows)


def _count_rows(cursor: Cursor, fate: str, rows: Sequence[tuple[int, int, str, int]]) -> None:
    if rows:
        then = (
            f"ON CONFLICT (minute, project_id, type) DO UPDATE SET {fate} = kept.{fate}"
            f" + excluded.{fate}"
        )
        columns = (*_LEDGER_KEY, Column(fate, "int8"))
        insert_rows(cursor, "ledger", columns, rows, key=len(_LEDGER_KEY), then=then)


def encode_counts(counts: Counter[_MinuteProject]) -> str:
    """Events by minute and project as the JSON of ``packs.counts`` and ``packs.pending``."""
    return orjson.dumps([[*key, events] for key, events in sorted(counts.items())]).decode()


def decode_counts(stored: list[Any]) -> Counter[_MinuteProject]:
    """Back from :func:`encode_counts`, and the JSON."""
    counts: Counter[_MinuteProject] = Counter()
    for minute, project_id, events in stored:
        counts[minute, project_id] += events
    return counts
