"""Projects, and the API keys that SDKs send."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from psycopg2 import sql

from storage.errors import Rejected
from storage.sql.audit import write_audit
from storage.sql.connection import Cursor
from storage.sql.credentials import (
    checked,
    hash_credential,
    is_public_key,
    new_credential,
    new_public_key,
    prefix_of,
)
from storage.sql.database import Database
from storage.sql.faults import STORE

MAX_NAME_CHARS = 200


@dataclass(frozen=True, slots=True)
class Project:
    """A tenant: one application. ``public_key`` is the key of its DSN, null if all are revoked."""

    id: int
    name: str
    created_at: datetime
    public_key: str | None


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """Whose an API key is. A revoked key still has an owner."""

    project_id: int
    project: str
    revoked: bool


_SELECT = """
SELECT id, name, created_at, (
    SELECT public_key FROM api_keys
    WHERE project_id = projects.id AND public_key IS NOT NULL AND revoked_at IS NULL
    ORDER BY created_at DESC, hash LIMIT 1
)
FROM projects
"""

_Listed: TypeAlias = list[Project]
_Digests: TypeAlias = list[str]


class Projects:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self, name: str, key: str | None = None, actor: str = "system"
    ) -> tuple[Project, str]:
        """Make a project with an API key, ``key`` if given, and a key for its DSN, which is the
        same if a DSN can hold it; all or nothing exists afterwards. Audited.

        Raises :class:`Rejected` for a name or key that is taken or unfit.
        """
        if not 1 <= len(name) <= MAX_NAME_CHARS or not name.isprintable() or name != name.strip():
            raise Rejected(
                STORE, f"a project's name has 1 to {MAX_NAME_CHARS} printable characters"
            )
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO projects (name) VALUES (%s) ON CONFLICT DO NOTHING RETURNING id",
                (name,),
            )
            row = cursor.fetchone()
            if row is None:
                raise Rejected(STORE, f"there is a project named {name!r} already")
            made = _add_key(cursor, row[0], key)
            public_key = made if key is not None and is_public_key(made) else new_public_key()
            _add_key(cursor, row[0], public_key)
            cursor.execute(
                "UPDATE api_keys SET public_key = %s WHERE hash = %s",
                (public_key, hash_credential(public_key)),
            )
            cursor.execute(f"{_SELECT} WHERE id = %s", row)
            (found,) = cursor.fetchall()
            write_audit(cursor, actor, "create_project", name, {})
            return Project(*found), made

    def list(self) -> _Listed:
        """Every project, by name, but for the system's own and erased ones."""
        with self._database.transaction() as cursor:
            cursor.execute(f"{_SELECT} WHERE id > 0 AND erased_at IS NULL ORDER BY name")
            return [Project(*row) for row in cursor]

    def by_name(self, name: str) -> Project | None:
        """The project of a name; null when there is none, or no project could be named so."""
        if not name.isprintable() or len(name) > MAX_NAME_CHARS:
            return None
        return self._find("name", name)

    def by_number(self, project_id: int) -> Project | None:
        """The project of a number; null when there is none."""
        return self._find("id", project_id)

    def _find(self, column: str, value: str | int) -> Project | None:
        statement = sql.SQL(_SELECT + " WHERE {} = %s AND id > 0 AND erased_at IS NULL").format(
            sql.Identifier(column)
        )
        with self._database.transaction() as cursor:
            cursor.execute(statement, (value,))
            row = cursor.fetchone()
        return Project(*row) if row else None

    def key_digests(self, project_id: int) -> _Digests:
        """What stands for each of a project's keys, revoked ones too: their SHA-256, in hex."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT encode(hash, 'hex') FROM api_keys WHERE project_id = %s", (project_id,)
            )
            return [digest for (digest,) in cursor]

    def find_key(self, key: str) -> KeyOwner | None:
        """Whose ``key`` is, null when it is nobody's. Any string may be asked for."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT projects.id, projects.name, revoked_at IS NOT NULL FROM api_keys"
                " JOIN projects ON projects.id = project_id WHERE hash = %s",
                (hash_credential(key),),
            )
            row = cursor.fetchone()
        return KeyOwner(*row) if row else None

    def add_key(self, project_id: int, key: str | None = None) -> str:
        """Give a project one more key, ``key`` if given. Repeating it is fine.

        Raises :class:`Rejected` for a key that is another project's, revoked or unfit, and for a
        project that is not there.
        """
        with self._database.transaction() as cursor:
            return _add_key(cursor, project_id, key)

    def revoke_key(self, key: str, actor: str = "system") -> bool:
        """Revoke a key for good, audited; False when it is none or was revoked before."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE api_keys SET revoked_at = now() WHERE hash = %s AND revoked_at IS NULL"
                " RETURNING (SELECT name FROM projects WHERE id = project_id)",
                (hash_credential(key),),
            )
            row = cursor.fetchone()
            if row is None:
                return False
            write_audit(cursor, actor, "revoke_key", prefix_of(key), {"project": row[0]})
            return True


def _add_key(cursor: Cursor, project_id: int, key: str | None) -> str:
    key = new_credential() if key is None else checked(key)
    cursor.execute(
        "INSERT INTO api_keys (hash, project_id, prefix) VALUES (%s, %s, %s)"
        " ON CONFLICT (hash) DO UPDATE SET hash = excluded.hash"  # so that RETURNING tells
        " RETURNING project_id, revoked_at IS NOT NULL",
        (hash_credential(key), project_id, prefix_of(key)),
    )
    if cursor.fetchone() != (project_id, False):
        raise Rejected(STORE, "this key is another project's, or revoked")
    return key
