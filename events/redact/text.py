"""Redaction within one string: queries and forms, and kinds of values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

from events.redact.engine import compiled
from events.redact.finder import Finder
from events.redact.matches import MARKER
from events.redact.names import Names
from events.redact.patterns import Pattern

#: Is told of each match by its rule.
Note = Callable[[str], None]

# A pair of a query, a form or a cookie. What follows a space is prose or code, so no pair.
_PAIR = compiled(r"(?:^|[?&;] ?)([A-Za-z0-9_.%\[\]-]{1,100})=([^&;\s\"'<>#]+)")


def redact_text(text: bytes, finder: Finder, note: Note) -> bytes:
    """The text with its matches blanked; the same object when there is none."""
    text = _splice(text, _pairs(text, finder.names, note))
    if finder.may_have_value(text):
        for pattern in finder.patterns:
            text = _splice(text, _values(text, pattern, note))
    return text


def _pairs(text: bytes, names: Names, note: Note) -> Iterator[tuple[int, int]]:
    if b"=" not in text:
        return
    at = 0
    while found := _PAIR.search(text, at):
        start, at = found.span(2)
        rule = names.rule(unquote_to_bytes(found[1]))
        if rule is not None and found[2] != MARKER:
            note(f"name:{rule}")
            yield start, at


def _values(text: bytes, pattern: Pattern, note: Note) -> Iterator[tuple[int, int]]:
    at = 0
    while found := pattern.regex.search(text, at):
        start, _ = found.span(1)
        length = 0 if found[1] == MARKER else pattern.length(found[1])
        # What is not one may hide one that begins a little later.
        at = start + max(length, 1)
        if length:
            note(f"value:{pattern.kind}")
            yield start, at


def _splice(text: bytes, spans: Iterator[tuple[int, int]]) -> bytes:
    parts = []
    done = 0
    for start, end in spans:
        parts += [text[done:start], MARKER]
        done = end
    return b"".join([*parts, text[done:]]) if parts else text
