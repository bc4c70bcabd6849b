"""The API keys of a project: further ones, and their revocation. Each change is audited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from events.sentry.dsn import fits_dsn
from events.text import storable
from storage.errors import Rejected
from storage.sql.audit import write_audit
from storage.sql.credentials import (
    checked,
    hash_credential,
    new_credential,
    new_public_key,
    prefix_of,
)
from storage.sql.database import Database
from storage.sql.faults import STORE
from storage.sql.projects import KeyOwner, Project


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it may be shown; ``digest`` is its SHA-256 in hex."""

    digest: str
    prefix: str
    created_at: datetime
    revoked_at: datetime | None


_Listed: TypeAlias = list[ApiKey]


class ApiKeys:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, project: Project, actor: str, key: str | None = None, *, public: bool = False
    ) -> str:
        """Give a project one more key, ``key`` if given; a key it has already is fine.

        A ``public`` one stands in the project's DSN from now on. Raises :class:`Rejected` for a key
        that is another project's, revoked or unfit.
        """
        if key is None:
            key = new_public_key() if public else new_credential()
        key = checked(key)
        if public and not fits_dsn(key):
            raise Rejected(STORE, "the key of a DSN has letters, digits and underscores only")
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO api_keys AS kept (hash, project_id, prefix, public_key)"
                " VALUES (%s, %s, %s, %s) ON CONFLICT (hash) DO UPDATE"
                " SET public_key = coalesce(excluded.public_key, kept.public_key)"
                " RETURNING project_id, revoked_at IS NOT NULL, xmax = 0",
                (hash_credential(key), project.id, prefix_of(key), key if public else None),
            )
            *found, is_new = cursor.fetchone() or ()
            if found != [project.id, False]:
                raise Rejected(STORE, "this key is another project's, or revoked")
            if is_new:
                write_audit(cursor, actor, "add_key", prefix_of(key), {"project": project.name})
        return key

    def list(self, project: Project) -> _Listed:
        """A project's keys, newest first."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT encode(hash, 'hex'), prefix, created_at, revoked_at FROM api_keys"
                " WHERE project_id = %s ORDER BY created_at DESC, hash",
                (project.id,),
            )
            return [ApiKey(*row) for row in cursor]

    def revoke(self, project: Project, key: str, actor: str) -> tuple[ApiKey, KeyOwner]:
        """Revoke a project's key for good, by itself, or by its prefix if no other good key of the
        project begins so; it, and what is now to be said of it.

        Raises :class:`Rejected` when no good key, or more than one, is meant.
        """
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT hash FROM api_keys WHERE project_id = %s AND revoked_at IS NULL"
                " AND (hash = %s OR prefix = %s) FOR UPDATE",
                (project.id, hash_credential(key), storable(key)),
            )
            hashes = [found for (found,) in cursor]
            if len(hashes) != 1:
                many = f"{len(hashes)} keys of the project begin so: give the whole key"
                raise Rejected(STORE, many if hashes else "the project has no such key")
            cursor.execute(
                "UPDATE api_keys SET revoked_at = now() WHERE hash = %s"
                " RETURNING encode(hash, 'hex'), prefix, created_at, revoked_at",
                (hashes[0],),
            )
            (row,) = cursor.fetchall()
            revoked = ApiKey(*row)
            detail = {"project": project.name}
            write_audit(cursor, actor, "revoke_key", revoked.prefix, detail)
        return revoked, KeyOwner(project.id, project.name, revoked=True)
