"""Tombstones: the one sign that an event was erased, and is never to be stored again.

Whoever adds one holds ``SETTLING`` alone (:mod:`storage.sql.locks`) in that transaction and takes
the event's row away in it; whoever stores events holds it shared while it asks here. So no event
is ever both erased and stored. A project that is erased takes no events either: what of it was on
its way is left out as if it had a tombstone, and gets one.
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

_SETTLE = """
UPDATE tombstones SET settled = true
WHERE event_id = ANY(%s::uuid[]) AND NOT settled
RETURNING event_id, project_id
"""


def erased_ids(cursor: Cursor, ids: Iterable[UUID]) -> set[UUID]:
    """Which of the events were erased."""
    cursor.execute(
        "SELECT event_id FROM tombstones WHERE event_id = ANY(%s::uuid[])", (array_literal(ids),)
    )
    return {event_id for (event_id,) in cursor}


def settle_erased(cursor: Cursor, type_name: str, members: Sequence[Member]) -> set[UUID]:
    """The events that must not be stored, each with a fate in the ledger from now on.

    One that the ledger had in flight counts as filtered, once. Events of an erased project get
    their tombstones here, but for those with a row or a letter: the erasure finds these.
    """
    of_projects = _of_erased_projects(cursor, type_name, members)
    erased = erased_ids(cursor, [event_id for event_id, _ in members]) | of_projects
    if erased:
        cursor.execute(_SETTLE, (array_literal(erased),))
        slots = ((id_minute(event_id), project_id) for event_id, project_id in cursor)
        count_filtered(cursor, type_name, Counter(slots))
    return erased


def letters_without_erased(cursor: Cursor, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
    """The dead letters that may be kept: what would be dead and is erased is settled instead."""
    erased: set[UUID] = set()
    for type_name in {letter.type for letter in letters}:
        members = [(one.event_id, one.project_id) for one in letters if one.type == type_name]
        erased |= settle_erased(cursor, type_name, members)
    _note_places(cursor, [letter for letter in letters if letter.event_id in erased])
    return [letter for letter in letters if letter.event_id not in erased]


def add_tombstones(
    cursor: Cursor,
    erasure_id: UUID,
    type_name: str,
    events: Iterable[tuple[UUID, int, UUID | None, bool]],
) -> list[UUID]:
    """Say that events (id, project, pack, whether settled) are erased; those that were not yet."""
    rows = [
        (event_id, type_name, project_id, pack_id, erasure_id, settled)
        for event_id, project_id, pack_id, settled in events
    ]
    if not rows:
        return []
    then = "ON CONFLICT (event_id) DO NOTHING RETURNING event_id"
    insert_rows(cursor, "tombstones", _COLUMNS, rows, key=1, then=then)
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
