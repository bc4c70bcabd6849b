"""Open objects and arrays of JSON that is read token by token."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

_SHOWN_CHARS = 100
_SHOWN_LEVELS = 100


@dataclass(slots=True)
class Level:
    """An open object or array, or what is outside of all.

    ``rule`` blanks it as a whole, from ``since`` on. ``pair_rule`` is the rule of a name that is
    itself a value, in ``{"name": …, "value": …}`` or ``["name", "value"]``, whose value lies at
    ``pair_value``.
    """

    is_object: bool
    since: int
    rule: str | None = None
    key: bytes = b""
    items: int = 0
    pair_rule: str | None = None
    pair_value: tuple[int, int] | None = None


def path_of(prefix: str, levels: Iterable[Level]) -> str:
    """Where the value in hand stands, such as ``details.user[0].token``."""
    path = prefix
    for level in islice(levels, _SHOWN_LEVELS):
        if level.is_object:
            name = level.key.decode("utf-8", "replace")[:_SHOWN_CHARS]
            path += f".{name}" if path else name
        elif level.since >= 0:
            path += f"[{level.items}]"
    return path
