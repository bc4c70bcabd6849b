"""Where groups stand, in SQL: read and written with the rows locked, each change in the history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from events.text import storable
from events.triage import Arrivals, Resolution, Triage, Turn, Until, on_arrivals
from storage.sql.arrays import array_literal
from storage.sql.connection import Cursor
from storage.sql.releases import version_order

MAX_ACTOR_CHARS = 200

#: Of a row of groups, in the order of :func:`triage_of`.
TRIAGE_COLUMNS = (
    "status, status_at, resolved_version, resolved_after, ignored_until, ignored_count,"
    " ignored_users, assignee, touched_at IS NOT NULL"
)
TRIAGE_WIDTH = 9

_WRITE = """
UPDATE groups SET status = %s, status_at = %s, resolved_version = %s, resolved_after = %s,
    ignored_until = %s, ignored_count = %s, ignored_users = %s, assignee = %s,
    touched_at = CASE WHEN %s THEN coalesce(touched_at, now()) END
WHERE id = %s
"""

#: The statuses that what arrives may end.
MAY_END = frozenset({"resolved", "ignored"})


@dataclass(frozen=True, slots=True)
class Standing:
    """A group with its numbers and where it stands."""

    id: UUID
    project_id: int
    count: int
    users: int
    triage: Triage


def triage_of(row: tuple[Any, ...]) -> Triage:
    """From the values of :data:`TRIAGE_COLUMNS`."""
    status, since, version, after, until, count, users, assignee, touched = row
    return Triage(
        status, since, Resolution(version, after), Until(until, count, users), assignee, touched
    )


def triage_document(triage: Triage) -> dict[str, Any]:
    """As it is kept to be undone; :func:`triage_of_document` reads it."""
    return {
        "status": triage.status,
        "since": triage.since and triage.since.isoformat(),
        "version": triage.resolution.version,
        "after": triage.resolution.after,
        "until": triage.until.at and triage.until.at.isoformat(),
        "count": triage.until.count,
        "users": triage.until.users,
        "assignee": triage.assignee,
        "touched": triage.touched,
    }


def triage_of_document(document: Mapping[str, Any]) -> Triage:
    """Back from :func:`triage_document`."""
    return Triage(
        document["status"],
        _moment(document["since"]),
        Resolution(document["version"], document["after"]),
        Until(_moment(document["until"]), document["count"], document["users"]),
        document["assignee"],
        document["touched"],
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def lock_standings(cursor: Cursor, ids: Iterable[UUID]) -> list[Standing]:
    """Groups as they stand, locked until the transaction ends: in the order in which whoever stores
    events locks them, fingerprints' groups by id, then merges.
    """
    cursor.execute(
        f"SELECT id, project_id, count, users, {TRIAGE_COLUMNS} FROM groups"  # noqa: S608 - ours
        " WHERE id = ANY(%s::uuid[]) ORDER BY lead_id IS NOT NULL, id FOR UPDATE",
        (array_literal(ids),),
    )
    return [
        Standing(group_id, project_id, count, users, triage_of(tuple(triage)))
        for group_id, project_id, count, users, *triage in cursor
    ]


def write_triage(cursor: Cursor, group_id: UUID, triage: Triage) -> None:
    """Let a group stand so."""
    cursor.execute(
        _WRITE,
        (
            *(triage.status, triage.since, triage.resolution.version, triage.resolution.after),
            *(triage.until.at, triage.until.count, triage.until.users, triage.assignee),
            *(triage.touched, group_id),
        ),
    )


def note_history(
    cursor: Cursor,
    group_id: UUID,
    action: str,
    detail: Mapping[str, Any],
    actor: str | None = None,
    action_id: UUID | None = None,
) -> None:
    """Add to a group's history, in the transaction that does it; no actor: the system."""
    cursor.execute(
        "INSERT INTO group_history (group_id, actor, action, detail, action_id)"
        " VALUES (%s, %s, %s, %s::jsonb, %s)",
        (
            group_id,
            None if actor is None else storable(actor[:MAX_ACTOR_CHARS]),
            action,
            orjson.dumps(detail).decode(),
            action_id,
        ),
    )


def turn(cursor: Cursor, group_id: UUID, turned: Turn) -> None:
    """Let a group stand as the system decided, and note why."""
    write_triage(cursor, group_id, turned.triage)
    note_history(cursor, group_id, turned.action, turned.detail)


def decide_on_arrivals(cursor: Cursor, arrived: Mapping[UUID, Arrivals]) -> None:
    """Let resolved and ignored groups become what arrivals make of them.

    Call it in the transaction that stored these events, when nothing can be stored twice any more:
    so each decision is taken once. Other groups among them stay as they are.
    """
    for standing in lock_standings(cursor, arrived):
        arrivals = arrived[standing.id]
        stated = standing.triage.resolution.version
        versions = arrivals.versions if stated is None else arrivals.versions | {stated}
        order = version_order(cursor, standing.project_id, versions)
        turned = on_arrivals(standing.triage, arrivals, order)
        if turned is not None:
            turn(cursor, standing.id, turned)
