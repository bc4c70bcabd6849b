"""Hostile JSON made plain: strict, bounded, storable, fit for any store and any encoder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from events.text import CUT, clip

_INT64_MIN = -(1 << 63)
_UINT64_END = 1 << 64


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a value is kept: levels, keys and items in all, characters of a string."""

    depth: int
    nodes: int
    text: int
    key: int
    signs: bool = False
    """Whether a key without a sign but dots and blanks, which an index refuses, is given a name."""


#: For a person: all that an accepted event can hold, short of orjson's limit of 254 levels.
PICTURE = Bounds(depth=200, nodes=1_000_000, text=2_000_000, key=10_000)

#: For what hangs on a frame or a cause, which itself may lie some 120 levels deep.
ATTACHED = Bounds(depth=60, nodes=100_000, text=100_000, key=1_000)

#: For the search index: enough to find an event by.
INDEX = Bounds(depth=8, nodes=200, text=1_000, key=200, signs=True)


_NAMELESS = "(empty)"


class _Copy:
    """One bounded copy; counts the keys and items that it may still take."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._left = bounds.nodes

    def of(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind is str:
            return clip(value, self._bounds.text)
        if value is None or kind is bool:
            return value
        if kind is int:
            return value if _INT64_MIN <= value < _UINT64_END else str(value)
        if kind is float:
            return value if math.isfinite(value) else spelled(value)
        if depth <= 0:
            return CUT
        return self._object(value, depth) if kind is dict else self._array(value, depth)

    def _object(self, value: dict[str, Any], depth: int) -> dict[str, Any]:
        copy: dict[str, Any] = {}
        signs, most, text = self._bounds.signs, self._bounds.key, self._bounds.text
        for key, item in value.items():
            if self._left <= 0:
                copy[CUT] = f"{len(value) - len(copy)} more"
                break
            self._left -= 1
            if len(key) <= most and key.isidentifier() and key.isascii():
                name = key
            else:
                name = clip(key, most) if not signs or key.strip(". \t\r\n") else _NAMELESS
            copy[name] = clip(item, text) if type(item) is str else self.of(item, depth - 1)
        return copy

    def _array(self, value: list[Any], depth: int) -> list[Any]:
        copy: list[Any] = []
        for item in value:
            if self._left <= 0:
                copy.append(f"{CUT} {len(value) - len(copy)} more")
                break
            self._left -= 1
            copy.append(self.of(item, depth - 1))
        return copy


def plain(value: Any, bounds: Bounds) -> Any:
    """A copy of parsed JSON that any strict encoder takes, cut to ``bounds`` with a visible mark.

    Numbers that JSON or 64 bits cannot hold become their text.
    """
    return _Copy(bounds).of(value, bounds.depth)


def plain_object(value: Any, bounds: Bounds) -> dict[str, Any] | None:
    """Like :func:`plain`, for a store that takes objects only: others go under ``value``."""
    if value is None or value in ({}, [], ""):
        return None
    copy = plain(value, bounds)
    return copy if isinstance(copy, dict) else {"value": copy}


def spelled(number: float) -> str:
    """A number that JSON has no form for, as the word clients write."""
    if math.isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"
