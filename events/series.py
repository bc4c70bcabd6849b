"""Series: what is counted by the minute under one name and one set of labels. Pure.

A series is known by a hash, so that whoever makes it, at any time, means the same one. A project
has a bound on them (``SLUICE_SERIES``); what would be one too many counts under ``rest``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from events.record import Column

OTHER = "other"

#: The entry's columns of every type that is counted by the minute, in the order of
#: :meth:`Entries.row`. SQL adds them up (function ``minutes_of``).
COLUMNS = (
    Column("series", "int8[]"),
    Column("minutes", "int4[]"),
    Column("counts", "float8[]"),
    Column("amounts", "float8[]"),
    Column("kinds", "int2[]"),
)

MEASURED, AMOUNT, CORRECTION, EXTREME = range(4)
"""Kinds of entries: a value whose distribution is kept; an amount that only adds up; what is
missing to the exact total; the least or most value."""
CUMULATIVE = 8
"""Added to a kind: of the events of a minute, the one that has counted furthest tells."""


class Series(NamedTuple):
    """``labels`` are pairs in the order of their names; ``rest`` takes its place if need be.
    ``key`` tells it from others of its type and project: 64 bits, signed (:func:`series`).
    """

    key: int
    name: str
    kind: str
    unit: str | None
    labels: tuple[tuple[str, str], ...]
    cumulative: bool = False
    rest: Series | None = None


def series(
    name: str,
    kind: str,
    unit: str | None,
    labels: tuple[tuple[str, str], ...],
    *,
    cumulative: bool = False,
    rest: Series | None = None,
) -> Series:
    """A series with its key, which is the same wherever it is made."""
    parts = (name, kind, unit, labels, cumulative)
    text = repr(parts).encode("utf-8", "backslashreplace")
    digest = hashlib.blake2b(text, digest_size=8).digest()
    return Series(int.from_bytes(digest, "big", signed=True), *parts, rest)


@dataclass(slots=True)
class Entries:
    """What an event adds to its series, entry by entry, and the series it names."""

    keys: list[int] = field(default_factory=list)
    minutes: list[int] = field(default_factory=list)
    counts: list[float] = field(default_factory=list)
    amounts: list[float] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    named: dict[int, Series] = field(default_factory=dict)

    def add(self, of: Series, minute: int, amount: float, count: float, kind: int) -> None:
        """Add an entry; ``minute`` is in whole minutes since 1970."""
        key = of.key
        self.named[key] = of
        self.keys.append(key)
        self.minutes.append(minute)
        self.counts.append(count)
        self.amounts.append(amount)
        self.kinds.append(kind)

    def row(self) -> tuple[Sequence[float] | None, ...]:
        """The values of :data:`COLUMNS`: null for counts that are all one, kinds that are all
        zero.
        """
        counts = None if all(count == 1 for count in self.counts) else tuple(self.counts)
        kinds = tuple(self.kinds) if any(self.kinds) else None
        return tuple(self.keys), tuple(self.minutes), counts, tuple(self.amounts), kinds


def labels_of(pairs: Iterable[tuple[str, str | None]]) -> tuple[tuple[str, str], ...]:
    """Labels that have a value, in the order of their names."""
    return tuple(sorted((name, value) for name, value in pairs if value))
