"""API tokens: who may read, and of which project."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from events.text import storable
from storage.errors import Rejected
from storage.sql.audit import write_audit
from storage.sql.connection import Cursor
from storage.sql.credentials import checked, hash_credential, new_credential, prefix_of
from storage.sql.database import Database
from storage.sql.faults import STORE

MAX_NAME_CHARS = 200


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a token's name, and its project by number and name; both null for a token of all
    projects.
    """

    name: str
    project_id: int | None = None
    project: str | None = None

    def sees(self, project_id: int) -> bool:
        """Whether what belongs to a project may be shown to this caller."""
        return self.project_id is None or self.project_id == project_id


#: Sees nothing: no project has this number.
NOBODY = Caller("", -1, "")


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as it may be shown; ``project`` is null for one of all projects."""

    name: str
    prefix: str
    project: str | None
    created_at: datetime
    revoked_at: datetime | None


_Listed: TypeAlias = list[TokenRow]


class Tokens:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        name: str,
        token: str | None = None,
        project_id: int | None = None,
        actor: str = "system",
    ) -> str:
        """Make a token, ``token`` if given, of one project or all; repeating that with the same
        name and project is fine. Audited.

        Raises :class:`Rejected` for a token that has another name or project, is revoked or unfit,
        and for a project that is not there.
        """
        if not 1 <= len(name) <= MAX_NAME_CHARS or not name.isprintable():
            raise Rejected(STORE, f"a token's name has 1 to {MAX_NAME_CHARS} printable characters")
        token = new_credential() if token is None else checked(token)
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO tokens (hash, name, prefix, project_id) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (hash) DO UPDATE SET hash = excluded.hash"
                " RETURNING name, project_id, revoked_at IS NOT NULL, xmax = 0",
                (hash_credential(token), name, prefix_of(token), project_id),
            )
            *found, is_new = cursor.fetchone() or ()
            if found != [name, project_id, False]:
                raise Rejected(STORE, "this token has another name or project, or is revoked")
            if is_new:
                detail = {"name": name, "project_id": project_id}
                write_audit(cursor, actor, "create_token", prefix_of(token), detail)
        return token

    def verify(self, token: str) -> Caller | None:
        """Who a good token speaks for, null for an unknown or revoked one. Takes any string."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT tokens.name, project_id, projects.name FROM tokens"
                " LEFT JOIN projects ON projects.id = project_id"
                " WHERE hash = %s AND revoked_at IS NULL",
                (hash_credential(token),),
            )
            row = cursor.fetchone()
        return Caller(*row) if row else None

    def list(self) -> _Listed:
        """Every token, newest first; no secret is in it."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT tokens.name, prefix, projects.name, tokens.created_at, revoked_at"
                " FROM tokens LEFT JOIN projects ON projects.id = project_id"
                " ORDER BY tokens.created_at DESC, hash"
            )
            return [TokenRow(*row) for row in cursor]

    def revoke(self, token: str, actor: str) -> TokenRow:
        """Revoke a token for good, by itself, or by its prefix if no other good one begins so.
        Audited.

        Raises :class:`Rejected` when no good token, or more than one, is meant.
        """
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT hash FROM tokens WHERE revoked_at IS NULL AND (hash = %s OR prefix = %s)"
                " FOR UPDATE",
                (hash_credential(token), storable(token)),
            )
            row = _revoked(cursor, [found for (found,) in cursor])
            detail = {"name": row.name, "project": row.project}
            write_audit(cursor, actor, "revoke_token", row.prefix, detail)
        return row


def _revoked(cursor: Cursor, hashes: list[Any]) -> TokenRow:
    if len(hashes) != 1:
        raise Rejected(
            STORE,
            f"{len(hashes)} tokens begin so: give the whole token" if hashes else "no such token",
        )
    cursor.execute(
        "UPDATE tokens SET revoked_at = now() WHERE hash = %s"
        " RETURNING name, prefix, (SELECT name FROM projects WHERE id = project_id), created_at,"
        " revoked_at",
        (hashes[0],),
    )
    (row,) = cursor.fetchall()
    return TokenRow(*row)
