"""Tombstones: the one sign that an event was erased or left out, and is never to be stored again.

Whoever erases holds ``SETTLING`` alone (:mod:`storage.sql.locks`) in that transaction and takes the
event's row away in it; whoever stores events holds it shared while it asks here. So no event is
ever both erased and stored. A project that is erased takes no events either: what of it was on its
way is left out as if it had a tombstone, and gets one. What is left out as its fingerprint is
discarded gets its own in :mod:`storage.sql.discarded_fingerprints`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeAlias
from uuid import UUID

from events.ids import id_minute
from events.record import Column
from storage.files.keys import pack_id_of
from storage.model import DeadLetter
from storage.sql.arrays import array_literal, insert_rows
from storage.sql.connection import Cursor
from storage.sql.rows import existing_ids
from storage.sql.settling import count_filtered
from storage.sql.spares import note_erased_copies

Member: TypeAlias = tuple[UUID, int]
"""An event and its project."""

Slots: TypeAlias = Counter[tuple[int, int]]
"""How many events by minute and project."""

_COLUMNS = (
    Column("event_id", "uuid"),
    Column("type", "text"),
    Column("project_id", "int4"),
    Column("pack_id", "uuid"),
    Column("erasure_id", "uuid"),
    Column("settled", "bool"),
)

_ERASED_PROJECTS = """
SELECT projects.id, erasures.id FROM projects JOIN erasures ON erasures.project_id = projects.id
WHERE projects.erased_at IS NOT NULL AND erasures.kind = 'project'
    AND projects.id = ANY(%s::int4[])
"""

_ERASE = """
ON CONFLICT (event_id) DO UPDATE SET erasure_id = excluded.erasure_id, at = now(),
    pack_id = coalesce(excluded.pack_id, kept.pack_id), gone_at = NULL, unindexed_at = NULL
WHERE kept.erasure_id IS NULL
RETURNING event_id
"""

_SETTLE = """
UPDATE tombstones SET settled = true
WHERE event_id = ANY(%s::uuid[]) AND NOT settled
RETURNING event_id, project_id
"""


def erased_ids(cursor: Cursor, ids: Iterable[UUID]) -> set[UUID]:
    """Which of the events were erased: no byte of them may stay."""
    cursor.execute(
        "SELECT event_id FROM tombstones"
        " WHERE event_id = ANY(%s::uuid[]) AND erasure_id IS NOT NULL",
        (array_literal(ids),),
    )
    return {event_id for (event_id,) in cursor}


def never_stored(cursor: Cursor, ids: Iterable[UUID]) -> set[UUID]:
    """Which of the events are never to be stored: erased ones, and those that were left out."""
    cursor.execute(
        "SELECT event_id FROM tombstones WHERE event_id = ANY(%s::uuid[])", (array_literal(ids),)
    )
    return {event_id for (event_id,) in cursor}


def settle_unwanted(cursor: Cursor, type_name: str, members: Sequence[Member]) -> set[UUID]:
    """The events that must not be stored, each with a fate in the ledger from now on.

    One that the ledger had in flight counts as filtered, once.
    """
    unwanted, slots = mark_unwanted(cursor, type_name, members)
    count_filtered(cursor, type_name, slots)
    return unwanted


def mark_unwanted(
    cursor: Cursor, type_name: str, members: Sequence[Member]
) -> tuple[set[UUID], Slots]:
    """The events that must not be stored, and which of them the caller has to count as filtered in
    this transaction: the ledger had them in flight.

    Events of an erased project get their tombstones here, but for those with a row or a letter: the
    erasure finds these.
    """
    of_projects = _of_erased_projects(cursor, type_name, members)
    unwanted = never_stored(cursor, [event_id for event_id, _ in members]) | of_projects
    if not unwanted:
        return unwanted, Counter()
    cursor.execute(_SETTLE, (array_literal(unwanted),))
    return unwanted, Counter((id_minute(event_id), project_id) for event_id, project_id in cursor)


def letters_wanted(cursor: Cursor, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
    """The dead letters that may be kept: what would be dead and is erased is settled instead."""
    unwanted: set[UUID] = set()
    for type_name in {letter.type for letter in letters}:
        members = [(one.event_id, one.project_id) for one in letters if one.type == type_name]
        unwanted |= settle_unwanted(cursor, type_name, members)
    erased = erased_ids(cursor, unwanted)
    _note_places(cursor, [letter for letter in letters if letter.event_id in erased])
    return [letter for letter in letters if letter.event_id not in unwanted]


def add_tombstones(
    cursor: Cursor,
    erasure_id: UUID,
    type_name: str,
    events: Iterable[tuple[UUID, int, UUID | None, bool]],
) -> list[UUID]:
    """Say that events (id, project, pack, whether settled) are erased; those that were not yet.

    One that was left out before is settled already, and its bytes are to go from now on.
    """
    rows = [
        (event_id, type_name, project_id, pack_id, erasure_id, settled)
        for event_id, project_id, pack_id, settled in events
    ]
    if not rows:
        return []
    insert_rows(cursor, "tombstones", _COLUMNS, rows, key=1, then=_ERASE)
    return [event_id for (event_id,) in cursor]


def _of_erased_projects(cursor: Cursor, type_name: str, members: Sequence[Member]) -> set[UUID]:
    """Events of projects that were erased."""
    cursor.execute(_ERASED_PROJECTS, (array_literal({project for _, project in members}),))
    erasures = dict(cursor.fetchall())
    left_out = {event_id: project for event_id, project in members if project in erasures}
    if not left_out:
        return set()
    known = existing_ids(cursor, type_name, left_out) | _with_letter(cursor, left_out)
    for project_id, erasure_id in erasures.items():
        fresh = [
            (event_id, project_id, None, False)
            for event_id, project in left_out.items()
            if project == project_id and event_id not in known
        ]
        add_tombstones(cursor, erasure_id, type_name, fresh)
    return set(left_out)


def _with_letter(cursor: Cursor, ids: Iterable[UUID]) -> set[UUID]:
    cursor.execute(
        "SELECT event_id FROM dead_letters"
        " WHERE status <> 'replayed' AND event_id = ANY(%s::uuid[])",
        (array_literal(ids),),
    )
    return {event_id for (event_id,) in cursor}


def _note_places(cursor: Cursor, letters: Iterable[DeadLetter]) -> None:
    """The packs that erased events lie in, so that they are rewritten."""
    for letter in letters:
        pack_id = pack_id_of(letter.location.pack_key) if letter.location else None
        if pack_id is not None:
            note_erased_copies(cursor, pack_id, letter.type, [letter.event_id])
