"""A cursor over JSON bytes that knows where every value starts and ends, in bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from events.parse import BOM
from events.record import Malformed


class Unread:
    """Stands for a value that was not parsed; where it ends is known all the same."""


TOO_DEEP: Final = Unread()
TOO_LARGE: Final = Unread()

_SPACE = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[{]+|[\]}]+', re.DOTALL)
#: Nobody looks at numbers here: their length costs no memory, and no time for long ones.
_SCAN = json.JSONDecoder(strict=False, parse_int=len, parse_float=len).raw_decode


class JsonCursor:
    """Walks a body; ``at`` is the offset of the next byte. Everything raises :class:`Malformed`.

    The bytes are read as Latin-1, one character a byte, so strings other than ASCII come out
    garbled: use it for structure, keys and offsets. Values are parsed out of a window of twice
    ``most`` bytes, so that one huge value cannot fill the memory with small objects.
    """

    def __init__(self, body: bytes, most: int) -> None:
        self._text = body.decode("latin-1")
        self.at = len(BOM) if body.startswith(BOM) else 0
        self._most = most
        self._base = 0
        self._window = self._text[: 2 * most]

    def peek(self) -> str:
        """The next character that is not space, left in place; empty at the end."""
        space = _SPACE.match(self._text, self.at)
        self.at = space.end() if space else self.at
        return self._text[self.at : self.at + 1]

    def take(self, char: str) -> None:
        """Step over one expected character."""
        if self.peek() != char:
            raise self._error(f"{char!r} expected")
        self.at += 1

    def value(self) -> Any:
        """The next value; :data:`TOO_DEEP` or :data:`TOO_LARGE` for one that is not parsed.

        A value of more than ``most`` bytes may be parsed or not; one of twice that never is.
        """
        self.peek()
        self._slide()
        try:
            value, end = _SCAN(self._window, self.at - self._base)
        except json.JSONDecodeError as exc:
            return self._too_large(exc)
        except RecursionError:
            self.at = self._end_of_nested()
            return TOO_DEEP
        self.at = self._base + end
        return value

    def elements(self) -> Iterator[tuple[int, Any]]:
        """The start and the value of each element of an array; ``at`` is then its end."""
        self.take("[")
        if self.peek() == "]":
            self.at += 1
            return
        while True:
            self.peek()
            start = self.at
            yield start, self.value()
            if self.peek() != ",":
                self.take("]")
                return
            self.at += 1

    def members(self) -> Iterator[str]:
        """The keys of an object; who iterates takes each value before going on."""
        self.take("{")
        if self.peek() == "}":
            self.at += 1
            return
        while True:
            if self.peek() != '"':
                raise self._error("a key in quotes expected")
            yield self._key()
            if self.peek() != ",":
                self.take("}")
                return
            self.at += 1

    def _key(self) -> str:
        key = str(self.value())
        self.take(":")
        return key

    def finish(self) -> None:
        """Check that nothing but space is left."""
        if self.peek():
            raise self._error("nothing more expected")

    def _slide(self) -> None:
        """Keep at least ``most`` bytes of the window ahead, or all there are."""
        if self.at - self._base > self._most and self._window_end() < len(self._text):
            self._base = self.at
            self._window = self._text[self.at : self.at + 2 * self._most]

    def _window_end(self) -> int:
        return self._base + len(self._window)

    def _too_large(self, exc: json.JSONDecodeError) -> Unread:
        """Whether a value broke off at the window's edge; otherwise the fault is its own."""
        if self._window_end() < len(self._text):
            end = self._end_of_nested()
            if end - self.at > self._most:
                self.at = end
                return TOO_LARGE
        raise self._error(exc.msg, self._base + exc.pos)

    def _end_of_nested(self) -> int:
        """Where a bracketed or quoted value ends."""
        depth = 0
        for token in _TOKEN.finditer(self._text, self.at):
            first = token[0][0]
            if first != '"':
                depth += len(token[0]) if first in "[{" else -len(token[0])
            if depth <= 0:
                # A run such as "}}]" may close more than this value opened.
                return token.end() + depth
        raise self._error("a bracket is not closed")

    def _error(self, why: str, at: int | None = None) -> Malformed:
        where = self.at if at is None else at
        return Malformed("not_json", f"The body is not JSON: {why} at byte {where}.")
