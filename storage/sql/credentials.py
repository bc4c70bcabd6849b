"""Keys and tokens: made at random, kept only as their SHA-256, shown by a short prefix."""

from __future__ import annotations

import hashlib
import re
import secrets

from storage.errors import Rejected
from storage.sql.faults import STORE

MAX_CHARS = 200
_RANDOM_BYTES = 24
_PREFIX_CHARS = 6
_PUBLIC = re.compile(r"[0-9a-f]{32}")


def new_credential() -> str:
    """A fresh key or token: 32 characters with 191 random bits or more. It begins with no hyphen,
    which a command would take for an option.
    """
    while (made := secrets.token_urlsafe(_RANDOM_BYTES)).startswith("-"):
        pass
    return made


def new_public_key() -> str:
    """A fresh key for a DSN, as Sentry has them: 32 hexadecimal digits with 128 random bits."""
    return secrets.token_hex(16)


def is_public_key(credential: str) -> bool:
    """Whether somebody's key is one of a DSN: no secret, and to be shown again."""
    return _PUBLIC.fullmatch(credential) is not None


def hash_credential(credential: str) -> bytes:
    """SHA-256 of any string at all. Unsalted: these are random, not passwords, and looked up."""
    return hashlib.sha256(credential.encode("utf-8", "surrogatepass")).digest()


def prefix_of(credential: str) -> str:
    """What may be shown of it: a quarter at the most."""
    return credential[: min(_PREFIX_CHARS, len(credential) // 4)]


def checked(credential: str) -> str:
    """A credential somebody brought along; raises :class:`Rejected` unless HTTP can carry it."""
    if not 1 <= len(credential) <= MAX_CHARS or credential != credential.strip():
        raise Rejected(STORE, f"a key has 1 to {MAX_CHARS} characters and no space around them")
    if not (credential.isascii() and credential.isprintable()):
        raise Rejected(STORE, "a key has printable ASCII characters only")
    return credential
