"""Telling the broker's copy of API keys what was changed, for when PostgreSQL is away."""

from __future__ import annotations

from collections.abc import Callable

from broker.known_keys import KnownKeys, key_digest
from config.settings import Settings
from storage.errors import StoreDown
from storage.sql.projects import KeyOwner, Projects

_TIMEOUT_SECONDS = 2.0


def share_key(settings: Settings, projects: Projects, key: str, say: Callable[[str], None]) -> bool:
    """Copy what PostgreSQL says of a key to the broker; false, and said, when it is away.

    PostgreSQL decides while it answers, so a copy that is behind matters only while it does not.
    Raises :class:`StoreDown` when PostgreSQL is away.
    """
    return share_digest(settings, key_digest(key), projects.find_key(key), say)


def share_digest(
    settings: Settings, digest: str, owner: KeyOwner | None, say: Callable[[str], None]
) -> bool:
    """Copy what is known of a key, by its SHA-256 in hex, likewise."""
    try:
        KnownKeys(settings.redis_url, timeout=_TIMEOUT_SECONDS).keep({digest: owner})
    except StoreDown as error:
        say(f"the broker's copy of keys could not be changed: {error}")
        return False
    return True
