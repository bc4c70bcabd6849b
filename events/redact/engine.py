"""Regular expressions over raw bytes, in linear time whatever expression and bytes (RE2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, cast

import re2

_OPTIONS = re2.Options()
_OPTIONS.encoding = re2.Options.Encoding.LATIN1
_OPTIONS.log_errors = False
# Room for two hundred names of a hundred characters, with any separators between their letters.
_OPTIONS.max_mem = 16 << 20


class Hit(Protocol):
    """A match, as of the module ``re``."""

    def __getitem__(self, group: int) -> bytes: ...
    def start(self) -> int: ...
    def span(self, group: int = 0) -> tuple[int, int]: ...


class Regex(Protocol):
    """A compiled expression, as of the module ``re``, over bytes."""

    def search(self, text: bytes, pos: int = 0) -> Hit | None: ...
    def fullmatch(self, text: bytes) -> Hit | None: ...
    def finditer(self, text: bytes) -> Iterator[Hit]: ...


def compiled(pattern: str) -> Regex:
    """An expression in which each byte is a character."""
    return cast(Regex, re2.compile(pattern.encode("latin-1"), _OPTIONS))


def literal(text: str) -> str:
    """The expression that matches just this text."""
    return str(re2.escape(text))


def any_of(alternatives: list[str]) -> str:
    """The expression that matches what one of these does; of none, nothing."""
    return "|".join(f"(?:{one})" for one in alternatives) or "[^\\x00-\\xff]"
