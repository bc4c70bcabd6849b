"""One part of an action on groups: decided with the rows locked, and what is needed to undo it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import orjson

from events.triage import Resolution, Triage, Until, assigned, ignored, reopened, resolved
from events.versions import ordering
from storage.errors import Rejected
from storage.sql.arrays import array_literal
from storage.sql.connection import Cursor
from storage.sql.discarded_fingerprints import discard, stop_discarding
from storage.sql.group_merging import merge, split_off, unmerge
from storage.sql.group_triage import (
    Standing,
    lock_standings,
    note_history,
    triage_document,
    triage_of_document,
    write_triage,
)
from storage.sql.locks import GROUPING, SETTLING, hold_alone, hold_shared
from storage.sql.merged_groups import members_of
from storage.triage import AT_ONCE, TriageAction

Item: TypeAlias = tuple[int, UUID, dict[str, Any] | None, dict[str, Any] | None]
"""Place, group, and how it was before and after."""

#: Verbs that change what is stored: nobody stores meanwhile.
_STORING = frozenset({"discard", "undiscard"})

_DONE = {
    "resolve": "resolved",
    "reopen": "reopened",
    "ignore": "ignored",
    "assign": "assigned",
    "discard": "discarded",
    "undiscard": "undiscarded",
}

_OCCURRED = """
SELECT DISTINCT coalesce(member.merged_into, member.id)
FROM groups AS member JOIN group_versions AS seen ON seen.group_id = member.id
    LEFT JOIN releases ON releases.project_id = seen.project_id
        AND releases.version = seen.version
WHERE (member.id = ANY(%(ids)s::uuid[]) OR member.merged_into = ANY(%(ids)s::uuid[]))
    AND (seen.version = %(version)s OR releases.ordering = %(ordering)s)
"""


@dataclass(frozen=True, slots=True)
class Part:
    """Some groups of an action; all of them where it concerns all at once."""

    action: TriageAction
    items: Sequence[Item]
    now: datetime

    @property
    def ids(self) -> list[UUID]:
        return [group_id for _, group_id, _, _ in self.items]


def apply_part(cursor: Cursor, part: Part) -> None:
    """Decide on the part's groups, in the caller's transaction."""
    _hold(cursor, part.action.verb)
    if part.action.verb in AT_ONCE:
        _regroup(cursor, part)
        return
    standings = {one.id: one for one in lock_standings(cursor, part.ids)}
    merged = _members(cursor, part.ids)
    decision = _Decision(cursor, part)
    for place, group_id, _, _ in part.items:
        standing = standings.get(group_id)
        if standing is None or group_id in merged:
            why = "it is gone" if standing is None else "it was merged into another"
            _settle(cursor, part, place, "skipped", why=why)
            continue
        before, triage = decision.of(standing)
        write_triage(cursor, group_id, triage)
        verb = part.action.verb
        _note(cursor, part, group_id, _DONE[verb], _told(part.action, triage))
        after = {"triage": triage_document(triage)}
        _settle(cursor, part, place, "done", before=before, after=after)


def undo_part(cursor: Cursor, part: Part) -> None:
    """Take back what the action did to the part's groups, where nobody decided on them since."""
    _hold(cursor, part.action.verb)
    if part.action.verb in AT_ONCE:
        _regroup_back(cursor, part)
        return
    standings = {one.id: one for one in lock_standings(cursor, part.ids)}
    merged = _members(cursor, part.ids)
    for place, group_id, before, after in part.items:
        standing = standings.get(group_id)
        if standing is None or group_id in merged or before is None or after is None:
            why = "it is gone" if standing is None else "it was merged into another"
            _settle(cursor, part, place, "kept", why=why)
        elif standing.triage != triage_of_document(after["triage"]):
            _settle(
                cursor, part, place, "kept", why="somebody decided on it since, or it came back"
            )
        else:
            write_triage(cursor, group_id, triage_of_document(before["triage"]))
            _restore_storing(cursor, part.action, before)
            _note_undone(cursor, part, group_id)
            _settle(cursor, part, place, "undone")


class _Decision:
    """What an action decides on each group of a part."""

    def __init__(self, cursor: Cursor, part: Part) -> None:
        self._cursor = cursor
        self._action = part.action
        self._now = part.now
        self._options = part.action.options
        self._occurred = _occurred(cursor, part)

    def of(self, standing: Standing) -> tuple[dict[str, Any], Triage]:
        """What is needed to undo it, and how the group stands then."""
        before: dict[str, Any] = {"triage": triage_document(standing.triage)}
        options = self._options
        verb = self._action.verb
        if verb == "resolve":
            return before, resolved(standing.triage, self._now, self._resolution(standing.id))
        if verb == "ignore":
            return before, ignored(standing.triage, self._now, _until(options, standing))
        if verb == "assign":
            return before, assigned(standing.triage, options.get("assignee"))
        if verb == "reopen":
            return before, reopened(standing.triage, self._now)
        members = members_of(self._cursor, [standing.id])
        if verb == "discard":
            fresh = discard(self._cursor, members, options.get("reason", ""), self._action.actor)
            before["discarded"] = [one.hex for one in fresh]
            return before, ignored(standing.triage, self._now)
        stopped = stop_discarding(self._cursor, members)
        before["discarded"] = {one.hex: reason for one, reason in stopped.items()}
        return before, reopened(standing.triage, self._now)

    def _resolution(self, group_id: UUID) -> Resolution:
        version = self._options.get("version")
        if version is None:
            return Resolution()
        return Resolution(version, self._options.get("after") or group_id in self._occurred)


def _hold(cursor: Cursor, verb: str) -> None:
    if verb in _STORING:
        hold_alone(cursor, SETTLING)
    else:
        hold_shared(cursor, SETTLING)
    if verb in AT_ONCE:
        hold_alone(cursor, GROUPING)


def _members(cursor: Cursor, ids: Sequence[UUID]) -> set[UUID]:
    """Which of the groups are members of a merge by now."""
    cursor.execute(
        "SELECT id FROM groups WHERE id = ANY(%s::uuid[]) AND merged_into IS NOT NULL",
        (array_literal(ids),),
    )
    return {group_id for (group_id,) in cursor}


def _occurred(cursor: Cursor, part: Part) -> set[UUID]:
    """The groups that occurred in the version they are resolved in: so it does not solve them."""
    version = part.action.options.get("version")
    if part.action.verb != "resolve" or version is None:
        return set()
    values = {
        "ids": array_literal(part.ids),
        "version": version,
        "ordering": ordering(version),
    }
    cursor.execute(_OCCURRED, values)
    return {group_id for (group_id,) in cursor}


def _until(options: Mapping[str, Any], standing: Standing) -> Until:
    at, count, users = (options.get(name) for name in ("until", "count", "users"))
    return Until(
        datetime.fromisoformat(at) if at else None,
        standing.count + count if count else None,
        standing.users + users if users else None,
    )


def _told(action: TriageAction, triage: Triage) -> dict[str, Any]:
    """What the history says of a decision."""
    if action.verb == "resolve" and triage.resolution.version is not None:
        return {"version": triage.resolution.version, "after": triage.resolution.after}
    return {name: value for name, value in action.options.items() if value is not None}


def _restore_storing(cursor: Cursor, action: TriageAction, before: Mapping[str, Any]) -> None:
    if action.verb == "discard":
        stop_discarding(cursor, [UUID(one) for one in before["discarded"]])
    if action.verb == "undiscard":
        for one, reason in before["discarded"].items():
            discard(cursor, [UUID(one)], reason, action.undone_by or action.actor)


def _regroup(cursor: Cursor, part: Part) -> None:
    """Merge, or split off, all groups of the action at once; or none of them, and why."""
    change = _merge if part.action.verb == "merge" else _split
    try:
        done = change(cursor, part)
    except Rejected as exc:
        for place, *_ in part.items:
            _settle(cursor, part, place, "skipped", why=exc.detail)
        return
    for place, *_ in part.items:
        first = place == part.items[0][0]
        _settle(cursor, part, place, "done", before=done if first else None)


def _merge(cursor: Cursor, part: Part) -> dict[str, Any]:
    into = part.action.options.get("into")
    target = UUID(into) if into else _oldest(cursor, part.ids)
    numbers = _numbers(cursor, part.ids)
    merged = merge(cursor, part.action.id, target, part.ids)
    for one in merged.joined:
        _note(cursor, part, one, "merged_into", {"group": str(merged.id)})
    joined = [numbers.get(one) for one in part.ids if one != target]
    _note(
        cursor, part, merged.id, "merged", {"numbers": joined, "fingerprints": len(merged.joined)}
    )
    return merged.document()


def _split(cursor: Cursor, part: Part) -> dict[str, Any]:
    merge_id = UUID(part.action.options["merge"])
    rest = split_off(cursor, merge_id, part.ids)
    numbers = _numbers(cursor, [rest, *part.ids])
    for one in part.ids:
        _note(cursor, part, one, "split_off", {"number": numbers.get(rest)})
    _note(cursor, part, rest, "split", {"numbers": [numbers.get(one) for one in part.ids]})
    return {"merge": merge_id.hex, "rest": rest.hex}


def _regroup_back(cursor: Cursor, part: Part) -> None:
    done = next(before for _, _, before, _ in part.items if before is not None)
    if part.action.verb == "merge":
        back, shown = unmerge(cursor, done), UUID(done["into"])
    else:
        back, shown = _join_again(cursor, part, done), UUID(done["rest"])
    if back:
        _note_undone(cursor, part, shown)
    for place, *_ in part.items:
        why = None if back else "these groups were changed since"
        _settle(cursor, part, place, "undone" if back else "kept", why=why)


def _join_again(cursor: Cursor, part: Part, done: Mapping[str, Any]) -> bool:
    try:
        merge(cursor, UUID(done["merge"]), UUID(done["rest"]), part.ids)
    except Rejected:
        return False
    return True


def _oldest(cursor: Cursor, ids: Sequence[UUID]) -> UUID:
    cursor.execute(
        "SELECT id FROM groups WHERE id = ANY(%s::uuid[]) ORDER BY first_seen, id LIMIT 1",
        (array_literal(ids),),
    )
    found = cursor.fetchone()
    return found[0] if found else ids[0]


def _numbers(cursor: Cursor, ids: Sequence[UUID]) -> dict[UUID, int]:
    """Short numbers of groups, a merge's by its lead."""
    cursor.execute(
        "SELECT groups.id, coalesce(groups.number, lead.number) FROM groups"
        " LEFT JOIN groups AS lead ON lead.id = groups.lead_id WHERE groups.id = ANY(%s::uuid[])",
        (array_literal(ids),),
    )
    return dict(cursor.fetchall())


def _note(
    cursor: Cursor, part: Part, group_id: UUID, action: str, detail: Mapping[str, Any]
) -> None:
    note_history(cursor, group_id, action, detail, part.action.actor, part.action.id)


def _note_undone(cursor: Cursor, part: Part, group_id: UUID) -> None:
    action = part.action
    note_history(cursor, group_id, "undone", {"verb": action.verb}, action.undone_by, action.id)


def _settle(
    cursor: Cursor,
    part: Part,
    place: int,
    state: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    why: str | None = None,
) -> None:
    cursor.execute(
        "UPDATE triage_items SET state = %s, why = %s, before = coalesce(%s::jsonb, before),"
        " after = coalesce(%s::jsonb, after) WHERE action_id = %s AND place = %s",
        (state, why, _json(before), _json(after), part.action.id, place),
    )


def _json(document: Mapping[str, Any] | None) -> str | None:
    return None if document is None else orjson.dumps(document).decode()
