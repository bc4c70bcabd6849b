"""How long each event type is kept: read from two settings over the policy table's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from config.policy import EVENT_TYPES

MAX_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class TypeTerm:
    """What of a type is kept: ``days`` since the event was received, 0 for ever; and ``bytes`` of
    packs as stored, 0 without a bound.
    """

    days: int
    bytes: int


def type_terms(days: str, most_bytes: str) -> dict[str, TypeTerm]:
    """The term of every type, from texts such as ``crash=90,rum=30``; what they do not name keeps
    its default. Raises ``ValueError``.
    """
    named_days, named_bytes = _numbers(days, MAX_DAYS), _numbers(most_bytes, 2**62)
    return {
        row.name: TypeTerm(named_days.get(row.name, row.keep_days), named_bytes.get(row.name, 0))
        for row in EVENT_TYPES
    }


def _numbers(text: str, most: int) -> Mapping[str, int]:
    known = {row.name for row in EVENT_TYPES}
    found: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = (piece.strip() for piece in part.partition("="))
        if name not in known:
            raise ValueError(f"{name!r} is no event type; there are {', '.join(sorted(known))}")
        if not (number.isascii() and number.isdigit()) or int(number) > most:
            raise ValueError(f"{part!r} is not a type, = and a number from 0 to {most}")
        found[name] = int(number)
    return found
