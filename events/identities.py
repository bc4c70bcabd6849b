"""Whose an event is: every name by which it calls its user, for erasing all that is theirs. Pure.

Wider than what counts users affected, where one name tells a user from others: an event with an
identifier and an e-mail is found by both.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from events.envelope import Envelope
from events.fields import lowered, members
from events.parse import loads
from events.raygun.context import read_user
from events.record import Malformed
from events.sentry.attachments import open_files
from events.sentry.headed import behead
from events.text import as_text

_SHORT = 1_000
_WORD = re.compile(rb"""[^\s"'<>,;:&=?(){}\[\]\\/|]{1,1000}""")


@dataclass(frozen=True, slots=True)
class Identities:
    """``users`` are the names of an event's user; ``session`` is the session it belongs to."""

    users: frozenset[str]
    session: str | None = None


def identities(envelope: Envelope) -> Identities:
    """Whose an event is. One that cannot be read may be anybody's: every word of it is a name."""
    try:
        return _READERS[envelope.protocol](envelope.body)
    except (KeyError, Malformed):
        return Identities(frozenset(_words(envelope.body)))


def same_user(name: str) -> str:
    """One spelling of a user's name: e-mail addresses in lower case, all else as it is."""
    name = name.strip()
    return name.casefold() if "@" in name else name


def _of_entry(body: bytes) -> Identities:
    details = lowered(_object(loads(body)).get("details"))
    return Identities(_names(details.get("user")))


def _of_rum(body: bytes) -> Identities:
    fields = _object(loads(body))
    return Identities(_names(fields.get("user")), as_text(fields.get("sessionid"), _SHORT))


def _of_sentry(body: bytes) -> Identities:
    """Sentry's users have an id, an e-mail and a name to log in by, any of which may be given."""
    user = members(_object(loads(body)).get("user"))
    names = (as_text(user.get(part), _SHORT) for part in ("id", "email", "username"))
    return Identities(frozenset(name for name in names if name))


def _of_headed(body: bytes) -> Identities:
    return _of_sentry(behead(body)[1])


def _of_nobody(body: bytes) -> Identities:
    """Browsers' own reports name nobody."""
    del body
    return Identities(frozenset())


def _with_files(body: bytes) -> Identities:
    opened = open_files(body)
    return _READERS[opened.protocol](opened.body)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed("not_an_object", "The event is not a JSON object.")
    return lowered(value)


def _names(value: Any) -> frozenset[str]:
    user = read_user(value)
    return frozenset(name for name in (user.identifier, user.email, user.uuid) if name)


def _words(body: bytes) -> set[str]:
    return {word.decode("utf-8", "replace") for word in _WORD.findall(body)}


_READERS: dict[str, Callable[[bytes], Identities]] = {
    "raygun.entry": _of_entry,
    "raygun.rum": _of_rum,
    "sentry.envelope": _with_files,
    "sentry.event": _of_sentry,
    "sentry.minidump": _of_headed,
    "sentry.named_event": _of_headed,
    "sentry.raw_security": _of_nobody,
}
