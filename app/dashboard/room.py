"""How much of a page values from outside may take: whatever an event holds, no page is heavy. Pure.

A room is counted in bytes of HTML, in which a letter may be six. What does not fit is left out and
counted, and the page says where the rest is.
"""

from __future__ import annotations

from itertools import takewhile

from markupsafe import escape

from app.dashboard.text import brief

_LARGEST_LETTER = 6
_AROUND_CAPPED = 200


def weight(text: str) -> int:
    """The bytes that a text takes in HTML."""
    return len(escape(text).encode("utf-8", "replace"))


def fitting(text: str | None, most: int) -> str:
    """The beginning of a text for a list, visible, that takes so many bytes; ``…`` where it was
    cut.
    """
    shown = brief(text, most)
    if weight(shown) <= most:
        return shown
    room = Room(most)
    return "".join(takewhile(room.take, shown)) + "…"


class Room:
    """So many bytes, of which parts of a page take theirs in turn."""

    def __init__(self, size: int) -> None:
        self._size = self._left = size

    @property
    def size(self) -> int:
        """What there was in all, in bytes."""
        return self._size

    @property
    def spent(self) -> int:
        """What was taken, in bytes."""
        return self._size - self._left

    def take(self, *texts: str, around: int = 0) -> bool:
        """Take what texts with so much markup ``around`` them need; false, and nothing is taken,
        when there is too little left.
        """
        need = around + sum(weight(text) for text in texts)
        if need > self._left:
            return False
        self._left -= need
        return True

    def capped(self, text: str, most: int) -> tuple[str, int]:
        """As :meth:`cut`, for a text of which the page shows ``most`` characters and all on demand:
        the beginning of a long one stands there twice.
        """
        if len(text) > most:
            self.cut(text[:most], around=_AROUND_CAPPED)
        return self.cut(text)

    def cut(self, text: str, around: int = 0) -> tuple[str, int]:
        """As much of the beginning of a text as fits, and how many characters do not."""
        if self.take(text, around=around):
            return text, 0
        shown = text[: max(0, self._left - around) // _LARGEST_LETTER]
        self.take(shown, around=around)
        return shown, len(text) - len(shown)
