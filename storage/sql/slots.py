"""Slots: 10 minutes to a day for which minutes are added up, and which of them tell of a time.

Slots begin at multiples of their width since 1970, so that a wider one is whole narrower ones.
Pure; what rolls them up is in :mod:`storage.sql.rollups`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

#: In minutes. Each is a multiple of the one before it, and a day one of the last.
WIDTHS = (10, 60, 360, 1440)
NARROWEST, WIDEST = WIDTHS[0], WIDTHS[-1]
MINUTE = 1
"""The width of what is not rolled up by series, but may be by labels."""
RAW = 0
"""In place of a width: minutes as they were counted."""


class Stale(NamedTuple):
    """A slot that may not say what its minutes do; nor do wider ones around it."""

    width: int
    at: int


class Piece(NamedTuple):
    """Minutes from ``first`` on and before ``after``, told by slots of a width, or ``RAW``."""

    width: int
    first: int
    after: int


def pieces(
    first: int, after: int, widths: Collection[int], stale: Collection[Stale]
) -> list[Piece]:
    """What tells of a time: the widest slots in it that are exact, and minutes for the rest.

    ``widths`` are those that may be used. The pieces are in order, meet and do not overlap.
    """
    wanted = sorted(widths, reverse=True)
    inexact = {
        width: {
            one.at // max(width, NARROWEST) for one in stale if one.width <= max(width, NARROWEST)
        }
        for width in wanted
    }
    joined: list[Piece] = []
    for piece in _cover(first, after, wanted, inexact):
        last = joined[-1] if joined else None
        if last is not None and last.width == piece.width:
            joined[-1] = last._replace(after=piece.after)
        else:
            joined.append(piece)
    return joined


def _cover(
    first: int, after: int, widths: Sequence[int], inexact: dict[int, set[int]]
) -> Iterator[Piece]:
    """Slot by slot; what no slot of the widest width covers is left to the others."""
    if not widths:
        if first < after:
            yield Piece(RAW, first, after)
        return
    width, *narrower = widths
    step = max(width, NARROWEST)
    for number in range(first // step, -(-after // step)):
        begin, end = max(first, number * step), min(after, (number + 1) * step)
        if number in inexact[width] or begin % width or end % width:
            yield from _cover(begin, end, narrower, inexact)
        else:
            yield Piece(width, begin, end)
