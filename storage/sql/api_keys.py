"""The API keys of a project: further ones, and their revocation. Each change is audited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from events.sentry.dsn import fits_dsn
from events.text import storable
from storage.errors import NotFound, Rejected
from storage.sql.audit import write_audit
from storage.sql.connection import Cursor
from storage.sql.credentials import (
    checked,
    hash_credential,
    new_credential,
    new_public_key,
    prefix_of,
)
from storage.sql.database import Database
from storage.sql.faults import STORE
from storage.sql.projects import Project

MAX_NAME_CHARS = 200


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it may be shown; ``digest`` is its SHA-256 in hex, ``public_key`` the whole of one
    that stands in a DSN.
    """

    id: int
    digest: str
    prefix: str
    name: str
    public_key: str | None
    created_at: datetime
    revoked_at: datetime | None


_SELECT = """
SELECT id, encode(hash, 'hex'), prefix, name, public_key, created_at, revoked_at FROM api_keys
"""

_Listed: TypeAlias = list[ApiKey]


class ApiKeys:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        project: Project,
        actor: str,
        key: str | None = None,
        *,
        public: bool = False,
        name: str = "",
    ) -> str:
        """Give a project one more key, ``key`` if given; a key it has already is fine.

        A ``public`` one stands in the project's DSN from now on; ``name`` is for people. Raises
        :class:`Rejected` for a key that is another project's, revoked or unfit.
        """
        if key is None:
            key = new_public_key() if public else new_credential()
        key = checked(key)
        if public and not fits_dsn(key):
            raise Rejected(STORE, "the key of a DSN has letters, digits and underscores only")
        name = _checked_name(name)
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO api_keys AS kept (hash, project_id, prefix, public_key, name)"
                " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (hash) DO UPDATE"
                " SET public_key = coalesce(excluded.public_key, kept.public_key)"
                " RETURNING project_id, revoked_at IS NOT NULL, xmax = 0",
                (hash_credential(key), project.id, prefix_of(key), key if public else None, name),
            )
            *found, is_new = cursor.fetchone() or ()
            if found != [project.id, False]:
                raise Rejected(STORE, "this key is another project's, or revoked")
            if is_new:
                detail = {"project": project.name, "name": name}
                write_audit(cursor, actor, "add_key", prefix_of(key), detail)
        return key

    def list(self, project: Project) -> _Listed:
        """A project's keys, newest first."""
        with self._database.transaction() as cursor:
            cursor.execute(
                f"{_SELECT} WHERE project_id = %s ORDER BY created_at DESC, hash", (project.id,)
            )
            return [ApiKey(*row) for row in cursor]

    def rename(self, project: Project, key_id: int, name: str, actor: str) -> ApiKey:
        """Call a project's key something else. Raises :class:`Rejected`, and :class:`NotFound`."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE api_keys SET name = %s WHERE project_id = %s AND id = %s RETURNING id",
                (_checked_name(name), project.id, key_id),
            )
            if cursor.rowcount == 0:
                raise NotFound(STORE, "no such key")
            renamed = _read(cursor, key_id)
            detail = {"project": project.name, "name": name}
            write_audit(cursor, actor, "rename_key", renamed.prefix, detail)
            return renamed

    def revoke(self, project: Project, key: str | int, actor: str) -> ApiKey:
        """Revoke a project's key for good, by itself, by its number, or by its prefix if no other
        good key of the project begins so.

        Raises :class:`NotFound` when no good key is meant, and :class:`Rejected` when it is more
        than one.
        """
        number = key if isinstance(key, int) else None
        whole = hash_credential(key) if isinstance(key, str) else None
        prefix = storable(key) if isinstance(key, str) else None
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT id FROM api_keys WHERE project_id = %s AND revoked_at IS NULL"
                " AND (id = %s OR hash = %s OR prefix = %s) FOR UPDATE",
                (project.id, number, whole, prefix),
            )
            found = [number for (number,) in cursor]
            if not found:
                raise NotFound(STORE, "no such good key in the project")
            if len(found) > 1:
                raise Rejected(
                    STORE, f"{len(found)} keys of the project begin so: give the whole key"
                )
            cursor.execute("UPDATE api_keys SET revoked_at = now() WHERE id = %s", found)
            revoked = _read(cursor, found[0])
            detail = {"project": project.name}
            write_audit(cursor, actor, "revoke_key", revoked.prefix, detail)
        return revoked


def _read(cursor: Cursor, key_id: int) -> ApiKey:
    cursor.execute(f"{_SELECT} WHERE id = %s", (key_id,))
    (row,) = cursor.fetchall()
    return ApiKey(*row)


def _checked_name(name: str) -> str:
    if len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise Rejected(STORE, f"a key's name has up to {MAX_NAME_CHARS} printable characters")
    return name.strip()
