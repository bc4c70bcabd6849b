"""Actions on groups: chosen once, applied in parts, each taken back from what it was before.

A part is one transaction that changes groups, their history and the items together, so whoever is
killed leaves each group decided on or not, and whoever comes next goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

import orjson

from events.ids import Clock, new_id, now_ms
from events.text import storable
from storage.errors import Rejected
from storage.model import Page
from storage.sql.applying import Part, apply_part, undo_part
from storage.sql.arrays import array_literal
from storage.sql.audit import write_audit
from storage.sql.connection import Cursor
from storage.sql.cursors import decode_id_cursor, id_cursor
from storage.sql.database import Database
from storage.sql.faults import STORE
from storage.triage import AT_ONCE, MAX_GROUPS, UNDO_FOR, TriageAction

#: Groups of one transaction.
PART = 200
#: How long an action that nobody confirms is kept.
_FROZEN_HOURS = 1
#: How long finished ones are listed, in days.
_KEPT_DAYS = 90

_SELECT = """
SELECT actions.id, at, project_id, coalesce(projects.name, ''), actor, verb, options, query, state,
    finished_at, undone_by,
    (SELECT coalesce(jsonb_object_agg(state, groups), '{}') FROM (
        SELECT state, count(*) AS groups FROM triage_items WHERE action_id = actions.id
        GROUP BY state
    ) AS counted)
FROM triage_actions AS actions LEFT JOIN projects ON projects.id = project_id
"""

_ITEMS = """
SELECT group_id, coalesce(groups.number, lead.number), groups.title, items.state, why
FROM triage_items AS items LEFT JOIN groups ON groups.id = group_id
    LEFT JOIN groups AS lead ON lead.id = groups.lead_id
WHERE action_id = %s ORDER BY why IS NULL, place LIMIT %s
"""

_Listed: TypeAlias = Page[TriageAction]


@dataclass(frozen=True, slots=True)
class ActionItem:
    """A group of an action; its number and title are null once it is gone."""

    group_id: UUID
    number: int | None
    title: str | None
    state: str
    why: str | None


class ActionNotOpen(Exception):
    """The action is not in a state in which this can be done; it says which."""


class TriageActions:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database, clock: Clock = now_ms) -> None:
        self._database = database
        self._clock = clock

    def freeze(
        self,
        project_id: int,
        verb: str,
        options: Mapping[str, Any],
        ids: Sequence[UUID],
        actor: str,
        query: str | None = None,
    ) -> TriageAction:
        """Choose groups of a project for a decision that waits to be confirmed.

        Raises :class:`Rejected` for none, too many, and what is not the project's.
        """
        chosen = list(dict.fromkeys(ids))
        if not 1 <= len(chosen) <= MAX_GROUPS:
            raise Rejected(
                STORE, f"an action takes 1 to {MAX_GROUPS:,} groups, not {len(chosen):,}"
            )
        action_id = new_id(self._clock())
        with self._database.transaction() as cursor:
            _require_own(cursor, project_id, chosen, members=verb == "split")
            cursor.execute(
                "INSERT INTO triage_actions (id, project_id, actor, verb, options, query, state)"
                " VALUES (%s, %s, %s, %s, %s::jsonb, %s, 'frozen')",
                (
                    *(action_id, project_id, storable(actor[:200]), verb),
                    *(orjson.dumps(_storable(options)).decode(), query and storable(query)),
                ),
            )
            cursor.execute(
                "INSERT INTO triage_items (action_id, place, group_id)"
                " SELECT %s, place, id FROM unnest(%s::uuid[]) WITH ORDINALITY AS one (id, place)",
                (action_id, array_literal(chosen)),
            )
            return _read(cursor, action_id)

    def find(self, action_id: UUID) -> TriageAction | None:
        """An action as it stands."""
        with self._database.transaction() as cursor:
            cursor.execute(_SELECT + "WHERE actions.id = %s", (action_id,))
            row = cursor.fetchone()
        return TriageAction(*row) if row else None

    def list(
        self, project_id: int | None = None, cursor: str | None = None, limit: int = 50
    ) -> _Listed:
        """Actions of a project or all that were confirmed, newest first; ``ValueError`` for a bad
        cursor.
        """
        before = decode_id_cursor(cursor)
        with self._database.transaction() as execute:
            execute.execute(
                _SELECT + "WHERE state <> 'frozen' AND (%s::uuid IS NULL OR actions.id < %s)"
                " AND (%s::int4 IS NULL OR project_id = %s) ORDER BY actions.id DESC LIMIT %s",
                (before, before, project_id, project_id, limit + 1),
            )
            items = [TriageAction(*row) for row in execute]
        more = len(items) > limit
        return Page(items[:limit], id_cursor(items[limit - 1].id) if more else None)

    def start(self, action_id: UUID, actor: str) -> TriageAction:
        """Confirm an action; :meth:`step` does it. Audited. Raises :class:`ActionNotOpen`."""
        with self._database.transaction() as cursor:
            action = _lock(cursor, action_id)
            if action.state != "frozen":
                raise ActionNotOpen(f"this action is {action.state} already")
            _move(cursor, action_id, "running")
            detail = {
                "action": str(action_id),
                "groups": action.total,
                "query": action.query,
                **action.options,
            }
            write_audit(cursor, actor, f"groups.{action.verb}", action.project, detail)
            return _read(cursor, action_id)

    def step(self, action_id: UUID) -> TriageAction:
        """Do the next part of an action that is running or being undone, if it is any."""
        with self._database.transaction() as cursor:
            action = _lock(cursor, action_id)
            work = {"running": apply_part, "undoing": undo_part}.get(action.state)
            if work is not None:
                self._part(cursor, action, work)
            return _read(cursor, action_id)

    def undo(self, action_id: UUID, actor: str) -> TriageAction:
        """Take a finished action back; :meth:`step` does it. Audited.

        Raises :class:`ActionNotOpen` for one that is not finished, or was too long ago.
        """
        with self._database.transaction() as cursor:
            action = _lock(cursor, action_id)
            cursor.execute("SELECT now()")
            ((now,),) = cursor.fetchall()
            if action.undo_until is None:
                raise ActionNotOpen(f"this action is {action.state}: there is nothing to undo")
            if now > action.undo_until:
                minutes = int(UNDO_FOR.total_seconds() // 60)
                raise ActionNotOpen(f"an action can be undone for {minutes} minutes")
            _move(cursor, action_id, "undoing")
            cursor.execute(
                "UPDATE triage_actions SET undone_by = %s WHERE id = %s",
                (storable(actor[:200]), action_id),
            )
            detail = {"action": str(action_id), "groups": action.counts.get("done", 0)}
            write_audit(cursor, actor, f"groups.undo_{action.verb}", action.project, detail)
            return _read(cursor, action_id)

    def items(self, action_id: UUID, limit: int) -> Sequence[ActionItem]:
        """The first groups of an action, with what became of each; those left out go first."""
        with self._database.transaction() as cursor:
            cursor.execute(_ITEMS, (action_id, limit))
            return [ActionItem(*row) for row in cursor]

    def why(self, action_id: UUID) -> str | None:
        """Why the first group was left out that was; null when none was."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT why FROM triage_items WHERE action_id = %s AND why IS NOT NULL"
                " ORDER BY place LIMIT 1",
                (action_id,),
            )
            found = cursor.fetchone()
        return found[0] if found else None

    def under_way(self) -> Sequence[UUID]:
        """Actions with something left to do, oldest first."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT id FROM triage_actions WHERE state IN ('running', 'undoing') ORDER BY id"
            )
            return [action_id for (action_id,) in cursor]

    def forget_old(self) -> None:
        """Forget what nobody confirmed, and what was done long ago."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "DELETE FROM triage_actions"
                " WHERE (state = 'frozen' AND at < now() - make_interval(hours => %s))"
                " OR at < now() - make_interval(days => %s)",
                (_FROZEN_HOURS, _KEPT_DAYS),
            )

    def _part(
        self, cursor: Cursor, action: TriageAction, work: Callable[[Cursor, Part], None]
    ) -> None:
        waiting, over = ("waiting", "finished") if action.state == "running" else ("done", "undone")
        size = MAX_GROUPS if action.verb in AT_ONCE else PART
        cursor.execute(
            "SELECT place, group_id, before, after FROM triage_items"
            " WHERE action_id = %s AND state = %s ORDER BY place LIMIT %s",
            (action.id, waiting, size),
        )
        items = cursor.fetchall()
        if items:
            now = datetime.fromtimestamp(self._clock() / 1000, UTC)
            work(cursor, Part(action, items, now))
        if len(items) < size:
            _move(cursor, action.id, over)


def _storable(options: Mapping[str, Any]) -> dict[str, Any]:
    return {k: storable(v) if isinstance(v, str) else v for k, v in options.items()}


def _require_own(cursor: Cursor, project_id: int, ids: Sequence[UUID], *, members: bool) -> None:
    """Only groups of the project; those that are members of a merge, or those that are not."""
    cursor.execute(
        "SELECT chosen.id FROM unnest(%s::uuid[]) AS chosen (id) WHERE NOT EXISTS ("
        "SELECT FROM groups WHERE groups.id = chosen.id AND project_id = %s"
        " AND (merged_into IS NOT NULL) = %s) LIMIT 1",
        (array_literal(ids), project_id, members),
    )
    for (group_id,) in cursor:
        what = "fingerprint of a merge" if members else "group in its list"
        raise Rejected(STORE, f"the project has no {what} with the id {group_id}")


def _lock(cursor: Cursor, action_id: UUID) -> TriageAction:
    cursor.execute("SELECT FROM triage_actions WHERE id = %s FOR UPDATE", (action_id,))
    if not cursor.rowcount:
        raise ActionNotOpen("there is no such action any more")
    return _read(cursor, action_id)


def _read(cursor: Cursor, action_id: UUID) -> TriageAction:
    cursor.execute(_SELECT + "WHERE actions.id = %s", (action_id,))
    (row,) = cursor.fetchall()
    return TriageAction(*row)


def _move(cursor: Cursor, action_id: UUID, state: str) -> None:
    cursor.execute(
        "UPDATE triage_actions SET state = %s,"
        " finished_at = CASE WHEN %s THEN now() ELSE finished_at END WHERE id = %s",
        (state, state == "finished", action_id),
    )
