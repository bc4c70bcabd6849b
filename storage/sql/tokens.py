"""API tokens: what programs ask by, in one project or all, up to a right, perhaps for a user."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from events.ids import Clock, now_ms, time_of
from events.text import storable
from storage.errors import NotFound, Rejected
from storage.rights import RIGHTS, Caller, Right, by_token, of_project
from storage.sql.audit import write_audit
from storage.sql.connection import Cursor
from storage.sql.credentials import checked, hash_credential, new_credential, prefix_of
from storage.sql.database import Database
from storage.sql.faults import STORE
from storage.sql.last_use import note_use
from storage.sql.users import caller_of

MAX_NAME_CHARS = 200
_USED_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as it may be shown; its project is null for one of all projects, ``user`` is the
    e-mail address of whose it is, null for nobody's. ``used_at`` is told to the hour.
    """

    id: int
    name: str
    prefix: str
    scope: Right
    project_id: int | None
    project: str | None
    user_id: int | None
    user: str | None
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None


_Listed: TypeAlias = list[TokenRow]

_SELECT = """
SELECT tokens.id, tokens.name, prefix, scope, project_id, projects.name, user_id, email,
    tokens.created_at, expires_at, used_at, revoked_at
FROM tokens LEFT JOIN projects ON projects.id = project_id LEFT JOIN users ON users.id = user_id
"""


class Tokens:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database, clock: Clock = now_ms) -> None:
        self._database = database
        self._clock = clock

    def create(
        self,
        name: str,
        token: str | None = None,
        project_id: int | None = None,
        actor: str = "system",
        *,
        scope: Right = "admin",
        user_id: int | None = None,
        expires_at: datetime | None = None,
    ) -> str:
        """Make a token, ``token`` if given, of one project or all; repeating that is fine. Audited.

        ``scope`` is the highest right that it gives; one with a ``user_id`` gives no more than that
        user has.

        Raises :class:`Rejected` for a token that is another, is revoked or unfit, and for a project
        or user that is not there.
        """
        _check(name, scope)
        token = new_credential() if token is None else checked(token)
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO tokens (hash, name, prefix, scope, project_id, user_id, expires_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (hash) DO UPDATE SET hash = excluded.hash"
                " RETURNING name, scope, project_id, user_id, revoked_at IS NOT NULL, xmax = 0",
                (
                    *(hash_credential(token), name, prefix_of(token), scope),
                    *(project_id, user_id, expires_at),
                ),
            )
            *found, is_new = cursor.fetchone() or ()
            if found != [name, scope, project_id, user_id, False]:
                raise Rejected(STORE, "this token is another one, or is revoked")
            if is_new:
                detail = {"name": name, "scope": scope, "project_id": project_id}
                write_audit(cursor, actor, "create_token", prefix_of(token), detail)
        return token

    def verify(self, token: str) -> Caller | None:
        """Who a good token speaks for; null for one that is unknown, revoked or expired, and for
        that of a user who is disabled. Takes any string.
        """
        with self._database.transaction() as cursor:
            return caller_by_token(cursor, hash_credential(token), time_of(self._clock()))

    def list(self, project_id: int | None = None, user_id: int | None = None) -> _Listed:
        """Every token, or those of a project alone or a user's own, newest first; no secret is in
        it.
        """
        with self._database.transaction() as cursor:
            cursor.execute(
                f"{_SELECT} WHERE (%s::int IS NULL OR project_id = %s AND user_id IS NULL)"
                " AND (%s::int IS NULL OR user_id = %s) ORDER BY tokens.id DESC",
                (project_id, project_id, user_id, user_id),
            )
            return [TokenRow(*row) for row in cursor]

    def find(self, token_id: int) -> TokenRow | None:
        """The token of a number."""
        with self._database.transaction() as cursor:
            cursor.execute(f"{_SELECT} WHERE tokens.id = %s", (token_id,))
            row = cursor.fetchone()
        return TokenRow(*row) if row else None

    def revoke(self, token: str, actor: str) -> TokenRow:
        """Revoke a token for good, by itself, or by its prefix if no other good one begins so.
        Audited; sessions that speak for it end.

        Raises :class:`Rejected` when no good token, or more than one, is meant.
        """
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT id FROM tokens WHERE revoked_at IS NULL AND (hash = %s OR prefix = %s)"
                " FOR UPDATE",
                (hash_credential(token), storable(token)),
            )
            found = [number for (number,) in cursor]
            if len(found) != 1:
                many = f"{len(found)} tokens begin so: give the whole token"
                raise Rejected(STORE, many if found else "no such token")
            return _revoke(cursor, found[0], actor)

    def revoke_number(self, token_id: int, actor: str) -> TokenRow:
        """As :meth:`revoke`, by number; raises :class:`NotFound` for one that is not good."""
        with self._database.transaction() as cursor:
            return _revoke(cursor, token_id, actor)


def caller_by_token(cursor: Cursor, token_hash: bytes, now: datetime) -> Caller | None:
    """As :meth:`Tokens.verify`, by hash and in a transaction of the caller's."""
    cursor.execute(
        "SELECT tokens.id, tokens.name, scope, project_id, projects.name, user_id, used_at"
        " FROM tokens LEFT JOIN projects ON projects.id = project_id"
        " WHERE hash = %s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > %s)",
        (token_hash, now),
    )
    row = cursor.fetchone()
    if row is None:
        return None
    number, name, scope, project_id, project, user_id, used_at = row
    if used_at is None or now - used_at >= _USED_EVERY:
        note_use(cursor, "UPDATE tokens SET used_at = %s WHERE id = %s", (now, number))
    if user_id is not None:
        user = caller_of(cursor, user_id)
        within = None if project_id is None else (project_id, project)
        return None if user is None else by_token(user, name, scope, within)
    if project_id is not None:
        return of_project(name, project_id, project, scope)
    return Caller(name, scope)


def _check(name: str, scope: str) -> None:
    if not 1 <= len(name) <= MAX_NAME_CHARS or not name.isprintable():
        raise Rejected(STORE, f"a token's name has 1 to {MAX_NAME_CHARS} printable characters")
    if "@" in name or name.startswith("cli:"):  # how the audit tells users and commands
        raise Rejected(STORE, "a token's name is no e-mail address and does not begin with cli:")
    if scope not in RIGHTS:
        raise Rejected(STORE, f"a token's scope is one of: {', '.join(RIGHTS)}")


def _revoke(cursor: Cursor, token_id: int, actor: str) -> TokenRow:
    cursor.execute(
        "UPDATE tokens SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL RETURNING hash",
        (token_id,),
    )
    found = cursor.fetchone()
    if found is None:
        raise NotFound(STORE, "no such good token")
    cursor.execute("DELETE FROM page_sessions WHERE token_hash = %s", found)
    cursor.execute(f"{_SELECT} WHERE tokens.id = %s", (token_id,))
    (row,) = cursor.fetchall()
    revoked = TokenRow(*row)
    detail = {"name": revoked.name, "project": revoked.project}
    write_audit(cursor, actor, "revoke_token", revoked.prefix, detail)
    return revoked
