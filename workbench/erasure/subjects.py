"""A user to erase, known by a keyed hash alone: no copy of a name is kept to look for others."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from config.settings import Settings
from events.identities import Identities, same_user

_LABEL = b"sluice erasure 1"
_MARK_CHARS = 16


class NoKey(Exception):
    """There is no ``SLUICE_SESSION_KEY`` to hash users with, or not the one they were hashed by."""


@dataclass(frozen=True, slots=True)
class Hasher:
    """Hashes names of a project's users and sessions. ``mark`` tells the key without giving it."""

    _key: bytes
    mark: str

    def user(self, project_id: int, name: str) -> bytes:
        """A user; e-mail addresses in any letter case are one."""
        return self._hash(project_id, "user", same_user(name))

    def session(self, project_id: int, session: str) -> bytes:
        """A session."""
        return self._hash(project_id, "session", session)

    def _hash(self, project_id: int, what: str, name: str) -> bytes:
        text = f"{project_id}\0{what}\0{name}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, text, "sha256")


def hasher(settings: Settings, mark: str | None = None) -> Hasher:
    """From the installation's secret, or that of its secrets, also replaced ones, with this mark.

    Raises :class:`NoKey` when there is none.
    """
    if not settings.session_key:
        raise NoKey("SLUICE_SESSION_KEY is not set: users to erase are kept as hashes by it")
    for secret in (settings.session_key, *settings.session_key_fallbacks):
        key = hmac.digest(secret.reveal().encode("utf-8", "surrogateescape"), _LABEL, "sha256")
        found = Hasher(key, sha256(key).hexdigest()[:_MARK_CHARS])
        if mark in (None, found.mark):
            return found
    raise NoKey(
        "SLUICE_SESSION_KEY was replaced since this was asked for: name the old one in"
        " SLUICE_SESSION_KEY_FALLBACKS, or ask for it again"
    )


@dataclass(frozen=True, slots=True)
class Subject:
    """The user of an erasure, and the sessions of theirs that were met."""

    hasher: Hasher
    project_id: int
    digest: bytes
    sessions: frozenset[bytes]

    def is_user(self, names: Iterable[str]) -> bool:
        """Whether one of an event's names is this user's."""
        return any(
            hmac.compare_digest(self.hasher.user(self.project_id, name), self.digest)
            for name in names
        )

    def owns(self, whose: Identities) -> bool:
        """Whether an event is this user's, by name or by its session."""
        if self.is_user(whose.users):
            return True
        if whose.session is None or not self.sessions:
            return False
        return self.hasher.session(self.project_id, whose.session) in self.sessions
