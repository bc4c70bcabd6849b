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
from events.fields import lowered
from events.parse import loads
from events.raygun.context import read_user
from events.record import Malformed
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
        reader = _READERS[envelope.protocol]
        return reader(loads(envelope.body))
    except (KeyError, Malformed):
        return Identities(frozenset(_words(envelope.body)))


def same_user(name: str) -> str:
    """One spelling of a user's name: e-mail addresses in lower case, all else as it is."""
    name = name.strip()
    return name.casefold() if "@" in name else name


def _of_entry(report: Any) -> Identities:
    details = lowered(_object(report).get("details"))
    return Identities(_names(details.get("user")))


def _of_rum(item: Any) -> Identities:
    fields = _object(item)
    return Identities(_names(fields.get("user")), as_text(fields.get("sessionid"), _SHORT))


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed("not_an_object", "The event is not a JSON object.")
    return lowered(value)


def _names(value: Any) -> frozenset[str]:
    user = read_user(value)
    return frozenset(name for name in (user.identifier, user.email, user.uuid) if name)


def _words(body: bytes) -> set[str]:
    return {word.decode("utf-8", "replace") for word in _WORD.findall(body)}


_READERS: dict[str, Callable[[Any], Identities]] = {
    "raygun.entry": _of_entry,
    "raygun.rum": _of_rum,
}
