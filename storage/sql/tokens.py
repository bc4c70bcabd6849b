"""API tokens: who may read."""

from __future__ import annotations

from storage.errors import Rejected
from storage.sql.credentials import checked, hash_credential, new_credential, prefix_of
from storage.sql.database import Database
from storage.sql.faults import STORE


class Tokens:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, token: str | None = None) -> str:
        """Make a token, ``token`` if given; repeating that with the same name is fine.

        Raises :class:`Rejected` for a token that has another name, is revoked or unfit.
        """
        token = new_credential() if token is None else checked(token)
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO tokens (hash, name, prefix) VALUES (%s, %s, %s)"
                " ON CONFLICT (hash) DO UPDATE SET hash = excluded.hash"
                " RETURNING name, revoked_at IS NOT NULL",
                (hash_credential(token), name, prefix_of(token)),
            )
            if cursor.fetchone() != (name, False):
                raise Rejected(STORE, "this token has another name, or is revoked")
        return token

    def verify(self, token: str) -> str | None:
        """The name of a good token, null for an unknown or revoked one. Takes any string."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT name FROM tokens WHERE hash = %s AND revoked_at IS NULL",
                (hash_credential(token),),
            )
            row = cursor.fetchone()
        return str(row[0]) if row else None
