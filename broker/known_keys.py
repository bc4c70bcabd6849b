"""The broker's copy of API keys, for the web tier to decide by while PostgreSQL is away.

A field of the hash ``keys`` is the SHA-256 of a key in hex, its value
``<0, or 1 if revoked>|<project id>|<project>``. No key lies in it.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from broker import keys, scripts
from broker.connection import broker_errors, connect
from config.settings import Secret
from storage.sql.credentials import hash_credential
from storage.sql.projects import KeyOwner

_log = structlog.get_logger(__name__)


def key_digest(key: str) -> str:
    """What stands for a key in every copy: its SHA-256, in hex."""
    return hash_credential(key).hex()


class KnownKeys:
    """Thread-safe; connects when used. Methods raise :class:`StoreDown`."""

    def __init__(self, redis_url: Secret, *, timeout: float) -> None:
        self._client = connect(redis_url, timeout=timeout)

    def keep(self, owners: Mapping[str, KeyOwner | None]) -> None:
        """Remember the owner of each digest, as PostgreSQL told it; null forgets the key.

        A key that is known as revoked stays so: PostgreSQL never takes a revocation back, so who
        says otherwise has asked it earlier.
        """
        if owners:
            pairs = [part for digest, owner in owners.items() for part in (digest, _value(owner))]
            with broker_errors():
                scripts.run(self._client, "keep_keys", *pairs)

    def find(self, digest: str) -> KeyOwner | None:
        """The owner of a digest as last kept; null when the broker knows of none, or keeps it in
        a form of another version of this code.
        """
        with broker_errors():
            value = self._client.hget(keys.KNOWN_KEYS, digest)
        try:
            return None if value is None else _owner(value.decode("utf-8", "replace"))
        except ValueError as error:
            _log.warning("known_key_unreadable", digest=digest, error=str(error))
            return None


def _value(owner: KeyOwner | None) -> bytes:
    if owner is None:
        return b""
    text = f"{int(owner.revoked)}|{owner.project_id}|{owner.project}"
    return text.encode("utf-8", "replace")


def _owner(value: str) -> KeyOwner:
    revoked, project_id, project = value.split("|", 2)
    return KeyOwner(int(project_id), project, revoked == "1")
