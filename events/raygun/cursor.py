"""A cursor over JSON bytes that knows where every value starts and ends, in bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from events.raygun.parse import BOM
from events.record import Malformed


class TooDeep:
    """Stands for a value nested deeper than the parser can go; its end is known all the same."""


TOO_DEEP: Final = TooDeep()

_SPACE = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[{]+|[\]}]+', re.DOTALL)
#: Nobody looks at numbers here: their length costs no memory, and no time for long ones.
_SCAN = json.JSONDecoder(strict=False, parse_int=len, parse_float=len).raw_decode


class JsonCursor:
    """Walks a body; ``at`` is the offset of the next byte. Everything raises :class:`Malformed`.

    The bytes are read as Latin-1, one character a byte, so strings other than ASCII come out
    garbled: use it for structure, keys and offsets.
    """

    def __init__(self, body: bytes) -> None:
        self._text = body.decode("latin-1")
        self.at = len(BOM) if body.startswith(BOM) else 0

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
        """The next value; :data:`TOO_DEEP` for one that only its end could be found of."""
        self.peek()
        try:
            value, self.at = _SCAN(self._text, self.at)
        except json.JSONDecodeError as exc:
            raise self._error(exc.msg, exc.pos) from None
        except RecursionError:
            self.at = self._end_of_nested()
            return TOO_DEEP
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

    def _end_of_nested(self) -> int:
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
