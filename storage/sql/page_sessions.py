"""Browsers that are signed in to the pages, as a user or with an API token.

The browser has a secret, of which the hash is kept. A session ends when nobody used it for a while,
when it is old, when somebody ends it, and with the user or token that it speaks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from events.ids import Clock, now_ms, time_of
from events.text import clip
from storage.rights import Caller
from storage.sql.audit import write_audit
from storage.sql.connection import Cursor
from storage.sql.credentials import hash_credential, new_credential
from storage.sql.database import Database
from storage.sql.last_use import note_use
from storage.sql.tokens import caller_by_token
from storage.sql.users import caller_of

MOST_OF_USER = 50
MAX_BROWSER_CHARS = 300
_SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class PageSession:
    """A session as its user may see it; ``browser`` is what the browser calls itself."""

    id: int
    began_at: datetime
    seen_at: datetime
    address: str
    browser: str


class PageSessions:
    """``idle`` and ``most`` are how long a session may be unused, and how old it may get.

    Every method raises :class:`StoreDown` while PostgreSQL is away.
    """

    def __init__(
        self, database: Database, idle: timedelta, most: timedelta, clock: Clock = now_ms
    ) -> None:
        self._database = database
        self._idle = idle
        self._most = most
        self._clock = clock

    def begin(self, user_id: int, address: str, browser: str) -> str:
        """Begin a session of a user; its secret. The oldest beyond the most of a user end."""
        with self._database.transaction() as cursor:
            secret = self._insert(cursor, address, browser, user_id=user_id)
            cursor.execute(
                "DELETE FROM page_sessions WHERE user_id = %s AND id NOT IN (SELECT id FROM"
                " page_sessions WHERE user_id = %s ORDER BY seen_at DESC, id DESC LIMIT %s)",
                (user_id, user_id, MOST_OF_USER),
            )
            caller = caller_of(cursor, user_id)
            write_audit(cursor, caller.name if caller else "", "sign_in", user_id, {})
        return secret

    def begin_with_token(self, token: str, address: str, browser: str) -> str | None:
        """Begin a session that speaks for an API token; its secret, null for no good token."""
        with self._database.transaction() as cursor:
            caller = caller_by_token(cursor, hash_credential(token), time_of(self._clock()))
            if caller is None:
                return None
            secret = self._insert(cursor, address, browser, token_hash=hash_credential(token))
            write_audit(cursor, caller.actor, "sign_in", caller.name, {})
        return secret

    def verify(self, secret: str) -> Caller | None:
        """Who a good session speaks for. Takes any string."""
        now = time_of(self._clock())
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT user_id, token_hash, seen_at FROM page_sessions"
                " WHERE hash = %s AND seen_at > %s AND began_at > %s",
                (hash_credential(secret), now - self._idle, now - self._most),
            )
            row = cursor.fetchone()
            if row is None:
                return None
            user_id, token_hash, seen_at = row
            if now - seen_at >= _SEEN_EVERY:
                note_use(
                    cursor,
                    "UPDATE page_sessions SET seen_at = %s WHERE hash = %s",
                    (now, hash_credential(secret)),
                )
            if user_id is None:
                return caller_by_token(cursor, bytes(token_hash), now)
            return caller_of(cursor, user_id)

    def of_user(self, user_id: int) -> list[PageSession]:
        """A user's good sessions, the one used last first."""
        now = time_of(self._clock())
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT id, began_at, seen_at, address, browser FROM page_sessions"
                " WHERE user_id = %s AND seen_at > %s AND began_at > %s"
                " ORDER BY seen_at DESC, id DESC",
                (user_id, now - self._idle, now - self._most),
            )
            return [PageSession(*row) for row in cursor]

    def number(self, secret: str) -> int | None:
        """The number of a session in the list of its user's."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT id FROM page_sessions WHERE hash = %s", (hash_credential(secret),)
            )
            row = cursor.fetchone()
        return int(row[0]) if row else None

    def end(self, secret: str) -> None:
        """End a session by its secret; one that is none is fine."""
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM page_sessions WHERE hash = %s", (hash_credential(secret),))

    def end_of_user(self, user_id: int, session_id: int | None, actor: str, but: str = "") -> int:
        """End one of a user's sessions or all, but for that of the secret ``but``; how many."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "DELETE FROM page_sessions"
                " WHERE user_id = %s AND (%s::int IS NULL OR id = %s) AND hash <> %s",
                (user_id, session_id, session_id, hash_credential(but)),
            )
            ended = cursor.rowcount
            if ended:
                write_audit(cursor, actor, "end_sessions", user_id, {"ended": ended})
        return ended

    def _insert(
        self,
        cursor: Cursor,
        address: str,
        browser: str,
        *,
        user_id: int | None = None,
        token_hash: bytes | None = None,
    ) -> str:
        secret, now = new_credential(), time_of(self._clock())
        cursor.execute(
            "DELETE FROM page_sessions WHERE seen_at <= %s OR began_at <= %s",
            (now - self._idle, now - self._most),
        )
        cursor.execute(
            "INSERT INTO page_sessions"
            " (hash, user_id, token_hash, began_at, seen_at, address, browser)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (
                *(hash_credential(secret), user_id, token_hash, now, now),
                *(address, clip(browser, MAX_BROWSER_CHARS)),
            ),
        )
        return secret
