"""Erasures on record: asked for, driven step by step, finished. Each audited when it is asked for.

A step changes stores and notes its progress in one transaction, so that a kill at any instant
leaves it done or not; whoever drives next goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias
from uuid import UUID

import orjson

from events.ids import Clock, new_id, now_ms
from events.text import storable
from storage.erasure import Erasure
from storage.model import Page
from storage.sql.arrays import array_literal
from storage.sql.audit import write_audit
from storage.sql.connection import Cursor
from storage.sql.cursors import decode_id_cursor, id_cursor
from storage.sql.database import Database
from storage.sql.erasing import Found, erase_events
from storage.sql.group_rows import delete_groups
from storage.sql.locks import SETTLING, hold_alone
from storage.sql.tombstones import settle_unwanted

_SELECT = """
SELECT erasures.id, at, actor, kind, project_id, projects.name, event_id, subject, key_mark, shown,
    state, state_at, progress, found, steps, waiting, finished_at
FROM erasures LEFT JOIN projects ON projects.id = project_id
"""

_ADVANCE = """
UPDATE erasures SET state_at = CASE WHEN state = %(state)s THEN state_at ELSE now() END,
    state = %(state)s, progress = %(progress)s::jsonb, found = %(found)s::jsonb,
    steps = steps + 1, waiting = %(waiting)s,
    finished_at = CASE WHEN %(over)s THEN now() END
WHERE id = %(id)s AND steps = %(steps)s
"""

#: Tables with rows of a project that are no events and count none.
_OF_PROJECTS = (
    "mentions",
    "project_terms",
    "quotas",
    "redaction_rules",
    "path_rules",
    "sdk_ids",
    "releases",
    "discarded_fingerprints",
    "triage_actions",
    "saved_views",
)

_Listed: TypeAlias = list[Erasure]


class Overtaken(Exception):
    """Another driver took this step first; what this one did was rolled back."""


class Erasures:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database, clock: Clock = now_ms) -> None:
        self._database = database
        self._clock = clock

    def of_event(self, event_id: UUID, project_id: int | None, actor: str) -> UUID:
        """Ask for one event; of that project, if given. The id of the erasure."""
        with self._database.transaction() as cursor:
            return self._insert(
                cursor,
                actor,
                kind="event",
                project_id=project_id,
                event_id=event_id,
                shown=str(event_id),
            )

    def of_user(
        self, project_id: int, subject: bytes, key_mark: str, shown: str, actor: str
    ) -> UUID:
        """Ask for all events of a user of a project, who is given as a keyed hash."""
        with self._database.transaction() as cursor:
            return self._insert(
                cursor,
                actor,
                kind="user",
                project_id=project_id,
                subject=subject,
                key_mark=key_mark,
                shown=shown,
            )

    def of_project(self, project_id: int, name: str, actor: str) -> UUID:
        """Ask for a whole project. From this transaction on it is no more: its keys and tokens are
        revoked, it has no members, its name is free, and nothing is stored for it.
        """
        with self._database.transaction() as cursor:
            hold_alone(cursor, SETTLING)
            erasure_id = self._insert(
                cursor, actor, kind="project", project_id=project_id, shown=name
            )
            cursor.execute(
                "UPDATE projects SET erased_at = now(), name = %s"
                " WHERE id = %s AND erased_at IS NULL",
                (f"erased-{erasure_id}", project_id),
            )
            for table in ("api_keys", "tokens"):
                cursor.execute(
                    f"UPDATE {table} SET revoked_at = now()"  # noqa: S608 - names of our own
                    " WHERE project_id = %s AND revoked_at IS NULL",
                    (project_id,),
                )
            cursor.execute("DELETE FROM memberships WHERE project_id = %s", (project_id,))
            return erasure_id

    def find(self, erasure_id: UUID) -> Erasure | None:
        """An erasure as it stands."""
        with self._database.transaction() as cursor:
            cursor.execute(_SELECT + "WHERE erasures.id = %s", (erasure_id,))
            row = cursor.fetchone()
        return _erasure(row) if row else None

    def list(
        self, cursor: str | None = None, limit: int = 50, projects: Sequence[int] | None = None
    ) -> Page[Erasure]:
        """Erasures of some projects or all, newest first; ``ValueError`` for a bad cursor."""
        before = decode_id_cursor(cursor)
        with self._database.transaction() as execute:
            execute.execute(
                _SELECT + "WHERE (%s::uuid IS NULL OR erasures.id < %s)"
                " AND (%s::int4[] IS NULL OR project_id = ANY(%s))"
                " ORDER BY erasures.id DESC LIMIT %s",
                (before, before, *[projects and list(projects)] * 2, limit + 1),
            )
            items = [_erasure(row) for row in execute]
        more = len(items) > limit
        return Page(items[:limit], id_cursor(items[limit - 1].id) if more else None)

    def under_way(self) -> _Listed:
        """Those with something left to do, oldest first."""
        with self._database.transaction() as cursor:
            cursor.execute(_SELECT + "WHERE finished_at IS NULL ORDER BY erasures.id")
            return [_erasure(row) for row in cursor]

    def move(
        self,
        erasure: Erasure,
        *,
        state: str | None = None,
        progress: Mapping[str, Any] | None = None,
        found: Mapping[str, int] | None = None,
        waiting: str | None = None,
    ) -> None:
        """Note how far an erasure is; what is found adds up. Raises :class:`Overtaken`."""
        with self._database.transaction() as cursor:
            _move(cursor, erasure, state, progress, found, waiting)

    def erase(
        self,
        erasure: Erasure,
        found: Mapping[str, Sequence[Found]],
        *,
        progress: Mapping[str, Any],
        sessions: Sequence[bytes] = (),
    ) -> None:
        """Erase events, by type, from SQL, and note progress, in one transaction.

        Raises :class:`Overtaken`, with nothing done.
        """
        with self._database.transaction() as cursor:
            hold_alone(cursor, SETTLING)
            counts: Counter[str] = Counter()
            for type_name, events in found.items():
                counts += erase_events(cursor, erasure.id, type_name, events)
            _keep_sessions(cursor, erasure.id, sessions)
            _move(cursor, erasure, None, progress, counts, None)

    def sessions(self, erasure_id: UUID) -> set[bytes]:
        """Sessions of the user, as keyed hashes, that were met so far."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT session FROM erasure_sessions WHERE erasure_id = %s", (erasure_id,)
            )
            return {bytes(session) for (session,) in cursor}

    def settle(self, type_name: str, events: Sequence[Found]) -> None:
        """Count events that were erased on their way, and will not come any more, as filtered."""
        with self._database.transaction() as cursor:
            hold_alone(cursor, SETTLING)
            settle_unwanted(cursor, type_name, [(one.id, one.project_id) for one in events])

    def clear_project(self, project_id: int) -> None:
        """Remove what is kept for a project and is no event: at the end of its erasure."""
        with self._database.transaction() as cursor:
            cursor.execute("SELECT id FROM groups WHERE project_id = %s", (project_id,))
            delete_groups(cursor, [group_id for (group_id,) in cursor.fetchall()])
            for table in _OF_PROJECTS:
                cursor.execute(
                    f"DELETE FROM {table} WHERE project_id = %s",  # noqa: S608 - names of our own
                    (project_id,),
                )

    def _insert(self, cursor: Cursor, actor: str, **values: Any) -> UUID:
        erasure_id = new_id(self._clock())
        columns = ("id", "actor", "state", *values)
        cursor.execute(
            f"INSERT INTO erasures ({', '.join(columns)})"  # noqa: S608 - names of our own
            f" VALUES ({', '.join(['%s'] * len(columns))})",
            (erasure_id, storable(actor[:200]), "finding", *values.values()),
        )
        detail = {
            name: str(value) if isinstance(value, UUID) else value
            for name, value in values.items()
            if name not in ("subject", "key_mark")
        }
        write_audit(cursor, actor, "erase", erasure_id, detail)
        return erasure_id


def _move(
    cursor: Cursor,
    erasure: Erasure,
    state: str | None,
    progress: Mapping[str, Any] | None,
    found: Mapping[str, int] | None,
    waiting: str | None,
) -> None:
    state = state or erasure.state
    total = Counter(erasure.found)
    total.update(found or {})
    cursor.execute(
        _ADVANCE,
        {
            "id": erasure.id,
            "steps": erasure.steps,
            "state": state,
            "progress": orjson.dumps(erasure.progress if progress is None else progress).decode(),
            "found": orjson.dumps({name: n for name, n in total.items() if n}).decode(),
            "waiting": waiting,
            "over": state == "finished",
        },
    )
    if not cursor.rowcount:
        raise Overtaken(str(erasure.id))
    if state == "finished":
        cursor.execute("DELETE FROM erasure_sessions WHERE erasure_id = %s", (erasure.id,))


def _keep_sessions(cursor: Cursor, erasure_id: UUID, sessions: Sequence[bytes]) -> None:
    if sessions:
        cursor.execute(
            "INSERT INTO erasure_sessions (erasure_id, session)"
            " SELECT %s, session FROM unnest(%s::bytea[]) AS met (session) ON CONFLICT DO NOTHING",
            (erasure_id, array_literal(sessions)),
        )


def _erasure(row: tuple[Any, ...]) -> Erasure:
    fields = list(row)
    fields[7] = None if fields[7] is None else bytes(fields[7])
    return Erasure(*fields)
