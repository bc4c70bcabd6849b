"""Merging groups and splitting them again: who is in which merge changes, no event does.

Whoever calls holds ``GROUPING`` alone and ``SETTLING`` at least shared: no other merge is at work,
nor anything that removes events; who stores events meanwhile waits for the rows locked here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from storage.errors import Rejected
from storage.sql.arrays import array_literal
from storage.sql.connection import Cursor
from storage.sql.faults import STORE
from storage.sql.group_rows import delete_groups
from storage.sql.group_triage import (
    lock_standings,
    triage_document,
    triage_of_document,
    write_triage,
)
from storage.sql.groups import MAX_MEMBERS
from storage.sql.merged_groups import recount_merges

_LOCK = """
SELECT id, project_id, type, lead_id, merged_into, first_seen FROM groups
WHERE id = ANY(%(ids)s::uuid[]) OR merged_into = ANY(%(ids)s::uuid[])
ORDER BY lead_id IS NOT NULL, id FOR UPDATE
"""

_MAKE = """
INSERT INTO groups
    (id, project_id, type, title, culprit, count, users, first_seen, last_seen, lead_id)
SELECT %s, project_id, type, title, culprit, 0, 0, first_seen, last_seen, id
FROM groups WHERE id = %s
"""


@dataclass(frozen=True, slots=True)
class _Row:
    id: UUID
    project_id: int
    type: str
    lead_id: UUID | None
    merged_into: UUID | None
    first_seen: datetime


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did: the merge, whether it was made for it, the group it grew from, and how to
    take it back.
    """

    id: UUID
    made: bool
    into: UUID
    joined: tuple[UUID, ...]
    absorbed: tuple[dict[str, Any], ...]

    def document(self) -> dict[str, Any]:
        """As it is kept; :func:`unmerge` takes it."""
        return {
            "merge": self.id.hex,
            "made": self.made,
            "into": self.into.hex,
            "joined": [one.hex for one in self.joined],
            "absorbed": list(self.absorbed),
        }


def merge(cursor: Cursor, merge_id: UUID, into: UUID, others: Collection[UUID]) -> Merged:
    """Make groups one, which stands where ``into`` does; under ``merge_id``, if it is none yet.

    Of merges among the ``others`` the members move. Raises :class:`Rejected` for groups that are
    not there, members of a merge, of several projects or types, or too many.
    """
    rows = _lock(cursor, {into, *others})
    shown = _require(rows, into, others)
    members = {one: [row.id for row in rows.values() if row.merged_into == one] for one in shown}
    absorbed = [one for one in shown if members[one] and one != into]
    joined = [member for one in absorbed for member in members[one]]
    joined += [one for one in shown if not members[one] and one != into]
    made = not members[into]
    target = merge_id if made else into
    if made:
        cursor.execute(_MAKE, (target, into))
        (standing,) = lock_standings(cursor, [into])
        write_triage(cursor, target, standing.triage)
    documents = [_absorb(cursor, rows[one], members[one]) for one in absorbed]
    _join(cursor, target, [*joined, *([into] if made else [])])
    recount_merges(cursor, [target])
    return Merged(target, made, into, tuple(joined), tuple(documents))


def unmerge(cursor: Cursor, done: Mapping[str, Any]) -> bool:
    """Take a merge back, as :meth:`Merged.document` tells it; False when it is not as it was left.

    Groups that were merges before are again, under their ids.
    """
    merge_id, joined = UUID(done["merge"]), [UUID(one) for one in done["joined"]]
    rows = _lock(cursor, [merge_id])
    if merge_id not in rows or not all(
        one in rows and rows[one].merged_into == merge_id for one in joined
    ):
        return False
    _leave(cursor, joined)
    for document in done["absorbed"]:
        _bring_back(cursor, document)
    left = [row.id for row in rows.values() if row.merged_into == merge_id and row.id not in joined]
    if done["made"] and left == [UUID(done["into"])]:
        _dissolve(cursor, merge_id, left[0])
    recount_merges(cursor, [merge_id, *(UUID(one["id"]) for one in done["absorbed"])])
    return True


def split_off(cursor: Cursor, merge_id: UUID, members: Collection[UUID]) -> UUID:
    """Let members of a merge be groups of their own again, each standing where it did before; the
    group that the others are now. One that is left alone is the merge no longer.

    Raises :class:`Rejected` for groups that are not members of it, and for all of them.
    """
    rows = _lock(cursor, [merge_id])
    own = {row.id for row in rows.values() if row.merged_into == merge_id}
    if merge_id not in rows or not own:
        raise Rejected(STORE, "this group is no merge: there is nothing to split")
    if not members or not own.issuperset(members):
        raise Rejected(STORE, "a fingerprint given is not one of this group's")
    left = own.difference(members)
    if not left:
        raise Rejected(STORE, "one fingerprint at least must stay in the group")
    _leave(cursor, members)
    if len(left) > 1:
        recount_merges(cursor, [merge_id])
        return merge_id
    (last,) = left
    _dissolve(cursor, merge_id, last)
    return last


def _lock(cursor: Cursor, ids: Iterable[UUID]) -> dict[UUID, _Row]:
    """Groups and members of those that are merges."""
    cursor.execute(_LOCK, {"ids": array_literal(ids)})
    return {row[0]: _Row(*row) for row in cursor.fetchall()}


def _require(rows: Mapping[UUID, _Row], into: UUID, others: Collection[UUID]) -> list[UUID]:
    """The groups to be made one, the first of them first; raises :class:`Rejected`."""
    shown = [into, *sorted(set(others) - {into})]
    if len(shown) < 2:
        raise Rejected(STORE, "a merge takes two groups at least")
    for one in shown:
        if one not in rows:
            raise Rejected(STORE, f"there is no group {one}")
        if rows[one].merged_into is not None:
            raise Rejected(STORE, f"group {one} is merged into another: name that one")
    if len({(rows[one].project_id, rows[one].type) for one in shown}) > 1:
        raise Rejected(STORE, "groups of one project and type can be merged")
    if len(rows) > MAX_MEMBERS:
        raise Rejected(STORE, f"a group has at most {MAX_MEMBERS} fingerprints")
    return shown


def _join(cursor: Cursor, merge_id: UUID, ids: Sequence[UUID]) -> None:
    cursor.execute(
        "UPDATE groups SET merged_into = %s WHERE id = ANY(%s::uuid[])",
        (merge_id, array_literal(ids)),
    )


def _leave(cursor: Cursor, ids: Iterable[UUID]) -> None:
    cursor.execute(
        "UPDATE groups SET merged_into = NULL WHERE id = ANY(%s::uuid[])", (array_literal(ids),)
    )


def _absorb(cursor: Cursor, row: _Row, members: Sequence[UUID]) -> dict[str, Any]:
    """End a merge whose members go to another; what is needed to bring it back.

    Its history goes with its lead.
    """
    (standing,) = lock_standings(cursor, [row.id])
    _hand_history(cursor, row.id, row.lead_id or members[0])
    _leave(cursor, members)
    delete_groups(cursor, [row.id])
    return {
        "id": row.id.hex,
        "lead": (row.lead_id or members[0]).hex,
        "members": [one.hex for one in members],
        "triage": triage_document(standing.triage),
    }


def _bring_back(cursor: Cursor, document: Mapping[str, Any]) -> None:
    merge_id = UUID(document["id"])
    cursor.execute(_MAKE, (merge_id, UUID(document["lead"])))
    write_triage(cursor, merge_id, triage_of_document(document["triage"]))
    _join(cursor, merge_id, [UUID(one) for one in document["members"]])


def _dissolve(cursor: Cursor, merge_id: UUID, last: UUID) -> None:
    """Let the last member be the group that its merge was: it stands where that did."""
    (standing,) = lock_standings(cursor, [merge_id])
    write_triage(cursor, last, standing.triage)
    _hand_history(cursor, merge_id, last)
    _leave(cursor, [last])
    delete_groups(cursor, [merge_id])


def _hand_history(cursor: Cursor, merge_id: UUID, heir: UUID) -> None:
    cursor.execute("UPDATE group_history SET group_id = %s WHERE group_id = %s", (heir, merge_id))
