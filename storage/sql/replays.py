"""Replays in SQL: made once, with their letters; advanced by whoever drives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias
from uuid import UUID

import orjson
from psycopg2 import sql

from events.ids import Clock, new_id, now_ms
from events.text import storable
from storage.model import Page
from storage.replay import ACTIVE, Replay, allowance, next_status
from storage.sql.audit import write_audit
from storage.sql.connection import Cursor
from storage.sql.cursors import decode_id_cursor, id_cursor
from storage.sql.database import Database
from storage.sql.letter_filter import LetterFilter
from storage.sql.tables import event_types, events_table

_SELECT = """
SELECT id, at, actor, selection, rate, canary, status, reason, finished_at,
    (SELECT coalesce(jsonb_object_agg(state, letters), '{}') FROM (
        SELECT state, count(*) AS letters FROM replay_items WHERE replay_id = replays.id
        GROUP BY state
    ) AS counted), project_id, why
FROM replays
"""

_CHOOSE = """
INSERT INTO replay_items (replay_id, letter_id, event_id, type)
SELECT %s, letters.id, letters.event_id, letters.type FROM dead_letters AS letters WHERE {}
"""

_DEAD_AGAIN = """
UPDATE replay_items AS items
SET state = CASE letters.status WHEN 'open' THEN 'dead' ELSE 'discarded' END,
    why = left(letters.code || ': ' || letters.reason, 500)
FROM dead_letters AS letters
WHERE items.replay_id = %s AND items.state = 'sent' AND letters.event_id = items.event_id
    AND letters.status IN ('open', 'discarded')
"""

# Stored: its pack was marked searched, and it was not left out of that mark.
_STORED = """
UPDATE replay_items AS items SET state = 'stored'
FROM {} AS event JOIN packs ON packs.id = event.pack_id
WHERE items.replay_id = %s AND items.state = 'sent' AND items.type = %s
    AND event.id = items.event_id AND packs.search_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM dead_letters AS letters
        WHERE letters.event_id = items.event_id AND letters.status <> 'replayed'
    )
"""


_LEFT_OUT = """
UPDATE replay_items AS items SET state = 'discarded', why = 'its fingerprint is discarded'
FROM tombstones AS left_out
WHERE items.replay_id = %s AND items.state = 'sent' AND left_out.event_id = items.event_id
    AND left_out.erasure_id IS NULL
"""

#: Longest word of whoever asks for a replay.
MAX_WHY_CHARS = 500

_Ids: TypeAlias = list[UUID]  # the class has a method of the name


class Replays:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database, clock: Clock = now_ms) -> None:
        self._database = database
        self._clock = clock

    def create(
        self,
        wanted: LetterFilter,
        rate: float,
        canary: int,
        actor: str,
        why: str | None = None,
    ) -> Replay:
        """A replay of the open letters that match now; those that die later are not in it."""
        replay_id = new_id(self._clock())
        conditions, values = wanted.conditions()
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO replays (id, actor, selection, rate, canary, status, why, project_id,"
                " paced_at) VALUES (%s, %s, %s::jsonb, %s, %s, %s, %s,"
                " (SELECT id FROM projects WHERE name = %s), now() - interval '1 s')",
                (
                    *(replay_id, storable(actor), orjson.dumps(wanted.told()).decode(), rate),
                    *(canary, "canary" if canary else "sending"),
                    why and storable(why[:MAX_WHY_CHARS]),
                    wanted.project and storable(wanted.project),
                ),
            )
            chosen = sql.SQL(_CHOOSE + " AND letters.status = 'open'").format(conditions)
            cursor.execute(chosen, (replay_id, *values))
            detail = {
                "selection": wanted.told(),
                "letters": cursor.rowcount,
                "rate": rate,
                "canary": canary,
                "why": why,
            }
            write_audit(cursor, actor, "replay", replay_id, detail)
            return _read(cursor, replay_id)

    def find(self, replay_id: UUID) -> Replay | None:
        """A replay as it stands; null when there is none of the id."""
        with self._database.transaction() as cursor:
            cursor.execute(_SELECT + "WHERE id = %s", (replay_id,))
            row = cursor.fetchone()
        return Replay(*row) if row else None

    def list(
        self, cursor: str | None = None, limit: int = 50, projects: Sequence[int] | None = None
    ) -> Page[Replay]:
        """Replays of some projects or all, newest first; raises ``ValueError`` for a bad cursor."""
        before = decode_id_cursor(cursor)
        with self._database.transaction() as execute:
            execute.execute(
                _SELECT + "WHERE (%s::uuid IS NULL OR id < %s)"
                " AND (%s::int4[] IS NULL OR project_id = ANY(%s)) ORDER BY id DESC LIMIT %s",
                (before, before, *[projects and list(projects)] * 2, limit + 1),
            )
            items = [Replay(*row) for row in execute]
        more = len(items) > limit
        return Page(items[:limit], id_cursor(items[limit - 1].id) if more else None)

    def under_way(self) -> _Ids:
        """The replays with something left to do, oldest first: also of one that was stopped, what
        it had claimed is sent.
        """
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT id FROM replays WHERE status = ANY(%s) UNION"
                " SELECT replay_id FROM replay_items WHERE state IN ('claimed', 'sent')"
                " ORDER BY 1",
                ([*ACTIVE],),
            )
            return [replay_id for (replay_id,) in cursor]

    def settle(self, replay_id: UUID) -> Replay | None:
        """Learn the fates of what was sent, and go on to the status that follows from them."""
        with self._database.transaction() as cursor:
            cursor.execute("SELECT FROM replays WHERE id = %s FOR UPDATE", (replay_id,))
            if not cursor.rowcount:
                return None
            cursor.execute(_DEAD_AGAIN, (replay_id,))
            cursor.execute(_LEFT_OUT, (replay_id,))
            for name in event_types():
                table = sql.Identifier(events_table(name))
                cursor.execute(sql.SQL(_STORED).format(table), (replay_id, name))
            replay = _read(cursor, replay_id)
            if not replay.active:
                return replay
            return _proceed(cursor, replay)

    def cancel(self, replay_id: UUID, actor: str) -> Replay | None:
        """Send no more of a replay; what was sent goes its way. Null when there is none."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE replays SET status = 'cancelled', reason = %s, finished_at = now()"
                " WHERE id = %s AND status = ANY(%s)",
                (storable(f"by {actor}"), replay_id, [*ACTIVE]),
            )
            if cursor.rowcount:
                write_audit(cursor, actor, "cancel", replay_id, {})
            cursor.execute(_SELECT + "WHERE id = %s", (replay_id,))
            row = cursor.fetchone()
        return Replay(*row) if row else None

    def take_allowance(self, replay_id: UUID, most: int) -> int:
        """Use up what the rate allows now, at most ``most``; how many events that is.

        However many drive a replay, together they keep its rate.
        """
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT rate, paced_at, clock_timestamp() FROM replays WHERE id = %s FOR UPDATE",
                (replay_id,),
            )
            row = cursor.fetchone()
            if row is None:
                return 0
            rate, paced_at, now = row
            events, paced_at = allowance(rate, paced_at, now, most)
            cursor.execute("UPDATE replays SET paced_at = %s WHERE id = %s", (paced_at, replay_id))
            return events


def _read(cursor: Cursor, replay_id: UUID) -> Replay:
    cursor.execute(_SELECT + "WHERE id = %s", (replay_id,))
    (row,) = cursor.fetchall()
    return Replay(*row)


def _proceed(cursor: Cursor, replay: Replay) -> Replay:
    status, reason = next_status(replay)
    if status == replay.status:
        return replay
    over = status not in ACTIVE
    cursor.execute(
        "UPDATE replays SET status = %s, reason = %s,"
        " finished_at = CASE WHEN %s THEN now() END WHERE id = %s",
        (status, reason, over, replay.id),
    )
    if over:
        detail = {"status": status, "reason": reason, "counts": dict(replay.counts)}
        write_audit(cursor, replay.actor, "replay_ended", replay.id, detail)
    return _read(cursor, replay.id)
